// Reading QR codes with the camera: by the browser's own detector where there is one, else by a library that is loaded then.

interface Detector {
  detect(image: HTMLVideoElement): Promise<{ rawValue: string }[]>;
}
type DetectorClass = { new (options: { formats: string[] }): Detector; getSupportedFormats(): Promise<readonly string[]> };

async function detector(): Promise<Detector> {
  const native = (globalThis as { BarcodeDetector?: DetectorClass }).BarcodeDetector;
  const reads = await native?.getSupportedFormats().then((formats) => formats.includes('qr_code'), () => false);
  if (native && reads) return new native({ formats: ['qr_code'] });
  const { BarcodeDetector } = await import('qr/decode.js');
  return new BarcodeDetector({ formats: ['qr_code'] });
}

/** Shows the camera in `video` and gives the first code it sees. Rejects with the camera's error, or when `signal` is given. */
export async function scan(video: HTMLVideoElement, signal: AbortSignal): Promise<string> {
  const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' }, audio: false });
  try {
    signal.throwIfAborted();
    video.srcObject = stream;
    await video.play();
    const reader = await detector();
    for (;;) {
      signal.throwIfAborted();
      const [code] = await reader.detect(video);
      if (code?.rawValue) return code.rawValue;
      await nextFrame(video, signal);
    }
  } finally {
    for (const track of stream.getTracks()) track.stop();
    video.srcObject = null;
  }
}

function nextFrame(video: HTMLVideoElement, signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    const stop = (): void => done();
    signal.addEventListener('abort', stop, { once: true });
    const came = (): void => {
      signal.removeEventListener('abort', stop);
      done();
    };
    if ('requestVideoFrameCallback' in video) video.requestVideoFrameCallback(came);
    else requestAnimationFrame(came);
  });
}
