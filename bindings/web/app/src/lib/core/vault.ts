// The key of the database, and what stands before it.
//
// The database is encrypted with 32 random bytes. They lie in IndexedDB, wrapped twice with AES-GCM: by a key made of the
// PIN (Argon2id, in the core), and around that by a key that the browser made and does not give out. Whoever copies the
// database alone has nothing; whoever copies the browser's whole profile still has to guess the PIN, a fifth of a second
// or more for each guess. Trying in the app itself is slowed down after five wrong PINs. Nothing is ever removed for
// a wrong PIN: what was not sent yet would be lost with it.

import { fault } from './wire';

/** Makes 32 bytes of a PIN and its salt: `stretch` of the core. */
export type Stretch = (pin: string, salt: Uint8Array) => Uint8Array;

const DATABASE = 'gandan-vault';
const STORE = 'vault';
/** Belongs to everything that is wrapped here: nothing made for another purpose can be put in its place. */
const PURPOSE = new TextEncoder().encode('gandan/database-key/1');
/** So many wrong PINs cost nothing. */
const FREE_TRIES = 5;
const FIRST_WAIT_MS = 30_000;
const LONGEST_WAIT_MS = 3_600_000;

type Bytes = Uint8Array<ArrayBuffer>;

interface Locked {
  /** Belongs to the PIN. */
  salt: Bytes;
  /** Of the inner and the outer wrapping. */
  nonces: [Bytes, Bytes];
  wrapped: Bytes;
  /** Wrong PINs since the last right one. */
  failures: number;
  /** When the next try is allowed, in milliseconds since 1970. */
  next_ms: number;
}

/** Whether a key lies here. */
export async function isThere(): Promise<boolean> {
  return (await get<Locked>('locked')) !== undefined;
}

/** Makes a key and locks it behind a PIN. It is on disk when this is kept. */
export async function create(pin: string, stretch: Stretch): Promise<Uint8Array> {
  refuseWeak(pin);
  if (await isThere()) throw fault('bad_argument', 'bug', 'there is a key already');
  const device = await crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt']);
  const key = random(32);
  await put({ device, locked: await lock(key, pin, device, stretch) });
  return key;
}

/** The key, for the right PIN. `wrong_pin` with `wait_ms` until the next try; also for a try made before its time. */
export async function open(pin: string, stretch: Stretch, now_ms: number): Promise<Uint8Array> {
  const [locked, device] = [await get<Locked>('locked'), await get<CryptoKey>('device')];
  if (!locked || !device) throw fault('evicted', 'enrol_again', 'the key of the database is gone');
  // A clock that was set back must not lock the owner out for longer than the longest wait.
  const wait = Math.min(locked.next_ms - now_ms, LONGEST_WAIT_MS);
  if (wait > 0) throw fault('wrong_pin', 'fix_input', 'too many wrong PINs; wait', { wait_ms: wait });
  // Counted before it is tried: killing the app in between gains nothing.
  const failures = locked.failures + 1;
  const pause = failures < FREE_TRIES ? 0 : Math.min(FIRST_WAIT_MS * 2 ** (failures - FREE_TRIES), LONGEST_WAIT_MS);
  await put({ locked: { ...locked, failures, next_ms: now_ms + pause } });
  let key: Uint8Array;
  try {
    const inner = await crypto.subtle.decrypt(algorithm(locked.nonces[1]), device, locked.wrapped);
    const outer = await wrappingKey(pin, locked.salt, stretch);
    key = new Uint8Array(await crypto.subtle.decrypt(algorithm(locked.nonces[0]), outer, inner));
  } catch {
    throw fault('wrong_pin', 'fix_input', 'this is not the PIN', { wait_ms: pause });
  }
  await put({ locked: { ...locked, failures: 0, next_ms: 0 } });
  return key;
}

/** Locks the same key behind another PIN. */
export async function changePin(before: string, after: string, stretch: Stretch, now_ms: number): Promise<void> {
  refuseWeak(after);
  const key = await open(before, stretch, now_ms);
  const device = await get<CryptoKey>('device');
  if (!device) throw fault('evicted', 'enrol_again', 'the key of the database is gone');
  await put({ locked: await lock(key, after, device, stretch) });
}

/** Removes the key: what it opened can never be read again. */
export async function destroy(): Promise<void> {
  await transact('readwrite', (store) => store.clear());
}

async function lock(key: Bytes | Uint8Array, pin: string, device: CryptoKey, stretch: Stretch): Promise<Locked> {
  const salt = random(16);
  const nonces: [Bytes, Bytes] = [random(12), random(12)];
  const inner = await crypto.subtle.encrypt(algorithm(nonces[0]), await wrappingKey(pin, salt, stretch), bytes(key));
  const wrapped = await crypto.subtle.encrypt(algorithm(nonces[1]), device, inner);
  return { salt, nonces, wrapped: new Uint8Array(wrapped), failures: 0, next_ms: 0 };
}

async function wrappingKey(pin: string, salt: Uint8Array, stretch: Stretch): Promise<CryptoKey> {
  return crypto.subtle.importKey('raw', bytes(stretch(pin, salt)), 'AES-GCM', false, ['encrypt', 'decrypt']);
}

function algorithm(nonce: Bytes): AesGcmParams {
  return { name: 'AES-GCM', iv: nonce, additionalData: PURPOSE };
}

/** 6 to 12 digits, and not the ones that everybody tries first. */
function refuseWeak(pin: string): void {
  if (!/^\d{6,12}$/.test(pin)) throw fault('weak_pin', 'fix_input', 'a PIN has 6 to 12 digits');
  const steps = new Set([...pin].slice(1).map((digit, index) => Number(digit) - Number(pin[index])));
  const [step] = steps;
  const isRow = steps.size === 1 && step !== undefined && Math.abs(step) <= 1;
  const isPair = /^(\d\d)\1+$/.test(pin) || /^(\d\d\d)\1+$/.test(pin);
  if (isRow || isPair) throw fault('weak_pin', 'fix_input', 'this PIN is among the first that anybody tries');
}

function random(length: number): Bytes {
  return crypto.getRandomValues(new Uint8Array(length));
}

/** A copy in memory of its own, which is what WebCrypto takes. */
function bytes(of: Uint8Array): Bytes {
  return new Uint8Array(of);
}

function get<T>(name: string): Promise<T | undefined> {
  return transact('readonly', (store) => store.get(name) as IDBRequest<T | undefined>);
}

/** Writes all of it or nothing. */
function put(values: Record<string, unknown>): Promise<unknown> {
  return transact('readwrite', (store) => {
    const requests = Object.entries(values).map(([name, value]) => store.put(value, name));
    return requests[0] as IDBRequest<unknown>;
  });
}

async function transact<T>(mode: IDBTransactionMode, work: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const database = await new Promise<IDBDatabase>((resolve, reject) => {
    const opening = indexedDB.open(DATABASE, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
    opening.onsuccess = () => resolve(opening.result);
    opening.onerror = () => reject(noStorage(opening.error));
  });
  try {
    return await new Promise<T>((resolve, reject) => {
      const transaction = database.transaction(STORE, mode, { durability: 'strict' });
      const request = work(transaction.objectStore(STORE));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(noStorage(transaction.error));
    });
  } finally {
    database.close();
  }
}

function noStorage(error: DOMException | null): unknown {
  if (error?.name === 'QuotaExceededError') return fault('disk_full', 'free_space', 'no space is left on the device');
  return fault('no_storage', 'free_space', `the browser gives no storage here: ${error?.message ?? 'unknown'}`);
}
