// An act on a record: busy while it runs, the failure in words if it fails, everything read anew if it succeeds.
import { refresh } from '../api/client.ts';
import { say } from '../api/errors.ts';

export class Acting {
  busy = $state(false);
  failure = $state('');

  /** Runs the call; true if it succeeded. */
  async run(call: () => Promise<unknown>): Promise<boolean> {
    this.busy = true;
    this.failure = '';
    try {
      await call();
      await refresh();
      return true;
    } catch (error) {
      this.failure = say(error);
      return false;
    } finally {
      this.busy = false;
    }
  }
}
