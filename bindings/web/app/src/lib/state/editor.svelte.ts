// An edit under way. Every input is a draft on disk a moment later; nothing of it is in the record's history until it is
// handed in.
import { CoreError, type Edit, type Issue, type Kind, type Visit } from '../core/contract.ts';
import { asValues, valuesOf } from '../domain/values.ts';
import { exchange } from './exchange.svelte.ts';
import { phone } from './phone.svelte.ts';

/** While somebody types: the pause after which the text goes to disk. */
const PAUSE_MS = 250;

export class Editor {
  /** What the record says; null while it does not exist yet. */
  record = $state.raw<Visit | Issue | null>(null);
  /** What this phone has written since. */
  edits = $state.raw<Record<string, unknown>>({});
  saving = $state(false);
  failure = $state.raw<unknown>(null);
  /** What the forms show. */
  values = $derived<Record<string, unknown>>({ ...(this.record ? valuesOf(this.record, phone.device?.official ?? '') : {}), ...this.edits });
  /** Whether record and draft were read. */
  ready = $state(false);
  #waiting = new Map<string, unknown>();
  #writes = new Map<string, unknown>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(
    readonly kind: Kind,
    readonly id: string,
  ) {}

  /** Reads the record and what was written before. What is on its way to the disk stays shown. */
  async read(): Promise<void> {
    const record = this.kind === 'contact' ? null : await found(this.id);
    // Last, and the core answers in turn: whatever it has not told of yet is among those two.
    const draft = await phone.core.draft(this.id);
    this.record = record;
    this.edits = { ...asValues(draft?.edits ?? []), ...Object.fromEntries(this.#writes), ...Object.fromEntries(this.#waiting) };
    this.ready = true;
  }

  get isDraft(): boolean {
    return Object.keys(this.edits).length > 0;
  }

  value<T>(field: string): T | null {
    return (this.values[field] as T | undefined) ?? null;
  }

  /** Writes a value. `typing`: more keys may follow. */
  set(field: string, value: unknown, typing = false): void {
    this.edits = { ...this.edits, [field]: value };
    this.#waiting.set(field, value);
    this.saving = true;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.flush(), typing ? PAUSE_MS : 0);
  }

  /** On disk when this returns, or `failure` says why not. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#writing = this.#writing.then(() => this.#write());
    await this.#writing;
  }

  async #write(): Promise<void> {
    this.#writes = this.#waiting;
    this.#waiting = new Map();
    const edits: Edit[] = [...this.#writes].map(([field, value]) => ({ field, value }));
    try {
      if (edits.length > 0) await phone.core.saveDraft(this.kind, this.id, edits);
      this.failure = null;
    } catch (error) {
      // Kept for the next try; what was typed since wins.
      this.#waiting = new Map([...this.#writes, ...this.#waiting]);
      this.failure = error;
    }
    this.#writes = new Map();
    this.saving = this.#waiting.size > 0;
  }

  /** The unit of a record that does not exist yet chooses where it lies: the draft begins anew there. */
  async moveTo(unit: string): Promise<void> {
    await this.flush();
    await phone.core.discardDraft(this.id);
    this.edits = { ...this.edits, unit };
    for (const [field, value] of Object.entries(this.edits)) this.#waiting.set(field, value);
    await this.flush();
  }

  /** Makes the edits one change of the record, if there are any. Rejects, and the draft stays, if one of them is refused. */
  async submit(): Promise<void> {
    await this.flush();
    if (this.failure) throw this.failure;
    if (!this.isDraft) return;
    await phone.core.submitDraft(this.id);
    await this.read();
    exchange.soon();
  }

  async discard(): Promise<void> {
    clearTimeout(this.#timer);
    this.#waiting.clear();
    await this.#writing;
    await phone.core.discardDraft(this.id);
    await this.read();
  }
}

/** What a record says, with what this phone has not handed in yet. */
export async function readValues(kind: Kind, id: string): Promise<Record<string, unknown>> {
  const reader = new Editor(kind, id);
  await reader.read();
  return reader.values;
}

/** For a component's script: an editor that follows what others write meanwhile. */
export function editor(kind: Kind, id: string): Editor {
  const made = new Editor(kind, id);
  $effect(() => {
    void phone.version;
    void made.read().catch((error: unknown) => (made.failure = error));
  });
  $effect(() => {
    // The app may be gone a moment after it is hidden.
    const hide = (): void => void made.flush();
    addEventListener('pagehide', hide);
    addEventListener('visibilitychange', hide);
    return () => {
      removeEventListener('pagehide', hide);
      removeEventListener('visibilitychange', hide);
      hide();
    };
  });
  return made;
}

async function found(id: string): Promise<Visit | Issue | null> {
  try {
    return await phone.core.show(id, 0);
  } catch (error) {
    if (error instanceof CoreError && error.code === 'not_found') return null;
    throw error;
  }
}
