import { beforeAll, describe, expect, it, vi } from 'vitest';
import { type Joint, jointLink, linkOf, readJoint } from './links.ts';

const joint: Joint = { id: '301e278f-aa01-4dc5-a16f-9630b0074044', unit: '24781', programme: 'household_visit', place_kind: 'buon', place_name: 'Buôn N’Đơr' };

beforeAll(() => vi.stubGlobal('location', { origin: 'https://gandan.example' }));

describe('a visit on two phones', () => {
  it('is read as it was written', () => {
    expect(readJoint(jointLink(joint))).toEqual(joint);
    const bare = { ...joint, programme: null, place_kind: null, place_name: null };
    expect(readJoint(jointLink(bare))).toEqual(bare);
  });

  it('is nothing if anything in it is not what it should be', () => {
    const good = jointLink(joint);
    for (const bad of ['', 'https://gandan.example/', good.replace('301e', 'zzzz'), good.replace('24781', '2478'), good.replace('join', 'enrol'), `${good}${'x'.repeat(1_000)}`]) {
      expect(readJoint(bad), bad).toBeNull();
    }
    expect(readJoint(good.replace('household_visit', '<script>'))?.programme).toBeNull();
  });
});

describe('an enrolment link', () => {
  it('is taken from its own server, however it was opened', () => {
    expect(linkOf(' https://gandan.example/enrol#A-1 ')).toBe('https://gandan.example/enrol#A-1');
    expect(linkOf('https://gandan.example/field/enrol#A-1')).toBe('https://gandan.example/enrol#A-1');
  });

  it('of another server is told apart; what is no address is left to the core', () => {
    expect(linkOf('https://other.example/enrol#A-1')).toBe('elsewhere');
    expect(linkOf('A-1')).toBe('A-1');
  });
});
