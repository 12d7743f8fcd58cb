// The camera: a link that lies before it as a QR code enrols the phone. Chromium's camera shows a film that is made here.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeQR } from 'qr';
import { expect, inject, it } from 'vitest';
import { Phone, link } from './phone.ts';

const [WIDTH, HEIGHT] = [640, 480];

/** A film of a QR code on a white wall, as raw YUV frames. */
function film(text: string): Buffer {
  const rows = encodeQR(text, 'raw', { ecc: 'medium', border: 4 });
  const scale = Math.floor(HEIGHT / rows.length);
  const [left, top] = [(WIDTH - rows.length * scale) >> 1, (HEIGHT - rows.length * scale) >> 1];
  const light = Buffer.alloc(WIDTH * HEIGHT, 235);
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++) {
      if (rows[Math.floor((y - top) / scale)]?.[Math.floor((x - left) / scale)]) light[y * WIDTH + x] = 16;
    }
  }
  const frame = Buffer.concat([Buffer.from('FRAME\n'), light, Buffer.alloc((WIDTH * HEIGHT) / 2, 128)]);
  return Buffer.concat([Buffer.from(`YUV4MPEG2 W${WIDTH} H${HEIGHT} F10:1 Ip A1:1 C420mpeg2\n`), frame, frame]);
}

it('enrols by what the camera sees', async () => {
  const camera = join(inject('field').folder, 'enrol.y4m');
  writeFileSync(camera, film(link('CB-801')));
  const phone = await Phone.make({ camera });
  await phone.page.goto('/field');
  await phone.choosePin();
  await phone.tap('Quét mã QR');
  await phone.ready();
  await phone.page.getByRole('heading', { level: 1, name: 'Chào CB-801' }).waitFor();
  expect(phone.troubles).toEqual([]);
  await phone.end();
});
