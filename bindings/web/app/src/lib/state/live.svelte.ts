import { phone } from './phone.svelte.ts';

/** An answer of the core that is asked for again when records change, or when what the question reads changes. */
export class Live<T> {
  value = $state.raw<T | undefined>(undefined);
  failure = $state.raw<unknown>(null);
  #turn = 0;

  constructor(ask: () => Promise<T>) {
    $effect(() => {
      void phone.version;
      const turn = ++this.#turn;
      ask().then(
        (value) => {
          if (turn !== this.#turn) return;
          this.value = value;
          this.failure = null;
        },
        (error: unknown) => {
          if (turn === this.#turn) this.failure = error;
        },
      );
    });
  }
}

/** For a component's script: `const visits = live(() => phone.core.visits({}, 50))`. */
export const live = <T>(ask: () => Promise<T>): Live<T> => new Live(ask);
