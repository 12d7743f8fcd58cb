// A photo as it comes from the camera, made small enough for a phone's plan: upright, at most 1,600 pixels, JPEG. Drawing it
// anew also leaves behind where and by what it was taken; the core strips what may be left.
const LONGEST = 1_600;
const QUALITY = 0.8;
const THUMBNAIL = 320;
const THUMBNAIL_BYTES = 20_000;
/** No phone camera makes more; a picture made to burst memory would. */
const MAX_BYTES = 40_000_000;

/** Why a file is not taken. */
export class PictureError extends Error {
  constructor(readonly code: 'too_large' | 'unreadable') {
    super(code);
  }
}

export interface Picture {
  bytes: ArrayBuffer;
  thumbnail: ArrayBuffer;
}

/** Scales a picture. Rejects with a `PictureError`. */
export async function scale(file: Blob): Promise<Picture> {
  if (file.size > MAX_BYTES) throw new PictureError('too_large');
  const bitmap = await createImageBitmap(file, { imageOrientation: 'from-image' }).catch(() => {
    throw new PictureError('unreadable');
  });
  try {
    const bytes = await draw(bitmap, LONGEST, QUALITY);
    for (let quality = 0.75; ; quality -= 0.15) {
      const thumbnail = await draw(bitmap, THUMBNAIL, quality);
      if (thumbnail.byteLength <= THUMBNAIL_BYTES || quality < 0.2) return { bytes, thumbnail };
    }
  } finally {
    bitmap.close();
  }
}

async function draw(bitmap: ImageBitmap, longest: number, quality: number): Promise<ArrayBuffer> {
  const factor = Math.min(1, longest / Math.max(bitmap.width, bitmap.height));
  const canvas = document.createElement('canvas');
  canvas.width = Math.max(1, Math.round(bitmap.width * factor));
  canvas.height = Math.max(1, Math.round(bitmap.height * factor));
  const context = canvas.getContext('2d');
  if (!context) throw new PictureError('unreadable');
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  const blob = await new Promise<Blob | null>((done) => canvas.toBlob(done, 'image/jpeg', quality));
  if (!blob) throw new PictureError('unreadable');
  return blob.arrayBuffer();
}
