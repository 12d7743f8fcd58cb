// What the browser promises about the data on this phone, and the truth about it.
export interface StorageState {
  /** The browser will not remove the data by itself. Otherwise it may, when the phone runs out of room. */
  persisted: boolean;
  usedBytes: number;
  freeBytes: number;
}

export async function storageState(): Promise<StorageState> {
  const [persisted, estimate] = await Promise.all([navigator.storage.persisted(), navigator.storage.estimate()]);
  const used = estimate.usage ?? 0;
  return { persisted, usedBytes: used, freeBytes: Math.max(0, (estimate.quota ?? 0) - used) };
}

/** Asks the browser to keep the data. It may refuse without a word; a home-screen app is seldom refused. */
export const askToKeep = (): Promise<boolean> => navigator.storage.persist();
