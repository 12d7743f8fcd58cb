// The phone as the screens see it: whether its database is open, whose it is, where it stands. The only place that holds
// the core.
import { startCore } from '../core/index.ts';
import { type Core, CoreError, type Device, type Door, type Notices, type Standing } from '../core/contract.ts';

/** What stands between the user and the records; `failed`: the core itself could not start. */
export type Place = 'starting' | Door | 'taken' | 'no_storage' | 'failed';

class Phone {
  readonly core: Core = startCore();
  place = $state<Place>('starting');
  /** Why `place` is `failed`. */
  failure = $state.raw<unknown>(null);
  standing = $state.raw<Standing | null>(null);
  notices = $state.raw<Notices | null>(null);
  /** Moves whenever a record or the standing may read differently: `live` asks again then. */
  version = $state(0);
  device = $derived<Device | null>(this.standing?.device ?? null);

  /** Looks at the door. Called once, when the app starts, and by "try again". */
  async start(): Promise<void> {
    this.place = 'starting';
    try {
      const door = await this.core.door();
      if (door === 'open') await this.enter();
      else this.place = door;
    } catch (error) {
      const code = error instanceof CoreError ? error.code : '';
      this.failure = error;
      this.place = code === 'taken' || code === 'no_storage' ? code : 'failed';
    }
  }

  async create(pin: string): Promise<void> {
    await this.core.create(pin);
    await this.enter();
  }

  async unlock(pin: string): Promise<void> {
    await this.core.unlock(pin);
    await this.enter();
  }

  async lock(): Promise<void> {
    await this.core.lock();
    this.#leave();
    this.place = 'locked';
  }

  async erase(): Promise<void> {
    await this.core.erase();
    this.#leave();
    this.place = 'new';
  }

  async enrol(link: string): Promise<void> {
    await this.core.enrol(link);
    await this.look();
  }

  /** Asks anew where the phone stands. */
  async look(): Promise<void> {
    this.standing = await this.core.standing();
    this.version += 1;
  }

  /** The clock, set right by what the server said of it. Milliseconds since 1970. */
  now(): number {
    return Date.now() - (this.standing?.skew_s ?? 0) * 1000;
  }

  private async enter(): Promise<void> {
    this.notices ??= await this.core.notices();
    await this.look();
    this.#stop ??= this.core.onChange(() => this.#soon());
    this.place = 'open';
  }

  #stop: (() => void) | null = null;
  #asked = false;

  /** One look for a burst of changes. */
  #soon(): void {
    if (this.#asked) return;
    this.#asked = true;
    setTimeout(() => {
      this.#asked = false;
      if (this.place === 'open') void this.look().catch(() => undefined); // the next change asks again
    }, 200);
  }

  #leave(): void {
    this.#stop?.();
    this.#stop = null;
    this.standing = null;
  }
}

export const phone = new Phone();
