// A photograph as a phone's camera writes it: large, and with the place and the maker in it.
import type { Page } from 'playwright-core';

/** What must not leave the phone. */
export const MAKER = 'MayAnhThuNghiem';

/** 2,400 by 1,800 pixels, drawn by the browser, with an Exif segment behind its head; another one for each number. */
export async function photo(page: Page, number = 0): Promise<Buffer> {
  const url = await page.evaluate((number) => {
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [2_400, 1_800];
    const context = canvas.getContext('2d');
    if (!context) throw new Error('no canvas');
    for (let n = 0; n < 400; n++) {
      context.fillStyle = `hsl(${(n * 47 + number * 20) % 360} 60% ${30 + (n % 40)}%)`;
      context.fillRect((n * 131) % 2_400, (n * 89) % 1_800, 240, 180);
    }
    return canvas.toDataURL('image/jpeg', 0.9);
  }, number);
  const jpeg = Buffer.from(url.slice(url.indexOf(',') + 1), 'base64');
  return Buffer.concat([jpeg.subarray(0, 2), segment(), jpeg.subarray(2)]);
}

/** APP1 with the maker and a position at 11°56'24" N, 108°26'24" E. */
function segment(): Buffer {
  const maker = Buffer.from(`${MAKER}\0`);
  const ifd0 = 8;
  const gps = ifd0 + 2 + 2 * 12 + 4;
  const rationals = gps + 2 + 4 * 12 + 4;
  const text = rationals + 2 * 24;
  const head = Buffer.from([0x49, 0x49, 42, 0, ifd0, 0, 0, 0]);
  const tables = [
    table([entry(0x010f, 2, maker.length, text), entry(0x8825, 4, 1, gps)]),
    table([entry(1, 2, 2, 0x4e), entry(2, 5, 3, rationals), entry(3, 2, 2, 0x45), entry(4, 5, 3, rationals + 24)]),
  ];
  const body = Buffer.concat([Buffer.from('Exif\0\0'), head, ...tables, degrees(11, 56, 24), degrees(108, 26, 24), maker]);
  const marker = Buffer.from([0xff, 0xe1, 0, 0]);
  marker.writeUInt16BE(body.length + 2, 2);
  return Buffer.concat([marker, body]);
}

/** A TIFF directory with nothing behind it. */
function table(entries: Buffer[]): Buffer {
  return Buffer.concat([Buffer.from([entries.length, 0]), ...entries, Buffer.alloc(4)]);
}

function entry(tag: number, type: number, count: number, value: number): Buffer {
  const bytes = Buffer.alloc(12);
  bytes.writeUInt16LE(tag, 0);
  bytes.writeUInt16LE(type, 2);
  bytes.writeUInt32LE(count, 4);
  bytes.writeUInt32LE(value, 8);
  return bytes;
}

function degrees(...parts: number[]): Buffer {
  const bytes = Buffer.alloc(24);
  parts.forEach((part, index) => {
    bytes.writeUInt32LE(part, index * 8);
    bytes.writeUInt32LE(1, index * 8 + 4);
  });
  return bytes;
}
