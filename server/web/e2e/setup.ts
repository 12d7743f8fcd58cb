import { rmSync } from 'node:fs';
import type { TestProject } from 'vitest/node';
import { type Ground, copy, end, fill, serve } from './stage.ts';

declare module 'vitest' {
  interface ProvidedContext {
    ground: Ground & { actingData: string };
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { folder, ground, data, port } = await fill();
  copy(data);
  const still = await serve(data.still);
  // On the port that the devices were enrolled with: they sync with this one.
  const acting = await serve(data.acting, port);
  project.provide('ground', { ...ground, still: still.base, acting: acting.base, actingData: data.acting });
  return async () => {
    await end(still.child);
    await end(acting.child);
    rmSync(folder, { recursive: true, force: true });
  };
}
