import { describe, expect, it } from 'vitest';
import type { Device } from '../../lib/api/client.ts';
import { burden, pendingText, troubles } from './device.ts';

const NOW = Date.UTC(2026, 10, 27);
const phone = (more: Partial<Device> = {}): Device => ({
  device: '0102030405060708',
  official: 'CB-001',
  name: 'Ka Brẹo',
  created_ms: NOW - 30 * 86_400_000,
  wipe: false,
  last_sync_ms: NOW - 3_600_000,
  skew_ms: 400,
  quarantined: 0,
  health: { at_ms: NOW, app: '0.1.0 android', waiting: 0, held_back: 0, files: 0 },
  ...more,
});
const health = (more: Partial<NonNullable<Device['health']>>): Partial<Device> => ({ health: { at_ms: NOW, app: '0.1.0 android', waiting: 0, held_back: 0, files: 0, ...more } });

describe('what is wrong with a phone', () => {
  it('is nothing when it synced and has the right time', () => {
    expect(troubles(phone(), NOW)).toEqual([]);
    expect(pendingText(phone())).toBe('');
  });
  it('is told, the worst first', () => {
    const bad = phone({ ...health({ failure: 'disk_full', failure_ms: NOW - 1_000, held_back: 2 }), skew_ms: -3_600_000, quarantined: 1, last_reason: 'no_grant' });
    expect(troubles(bad, NOW).map(({ text }) => text)).toEqual(['Máy đầy bộ nhớ', '1 việc để riêng', '2 gói bị từ chối', 'Giờ máy lệch']);
    expect(burden(bad, NOW)).toBeGreaterThan(burden(phone({ skew_ms: 3_600_000 }), NOW));
  });
  it('names a code that a newer app has', () => {
    expect(troubles(phone(health({ failure: 'of_the_future' })), NOW)).toMatchObject([{ text: 'Lỗi của ứng dụng', detail: 'of_the_future' }]);
  });
  it('is not asked of one that is out of service', () => {
    expect(troubles(phone({ revoked_ms: NOW, last_sync_ms: 0, ...health({ failure: 'damaged' }) }), NOW)).toEqual([]);
  });
});

it('what is still on it is counted', () => {
  expect(pendingText(phone(health({ waiting: 3, files: 12 })))).toBe('3 thay đổi, 12 ảnh');
});
