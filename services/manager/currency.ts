import type { Clock } from "../../lib/clock.ts";
import { unavailable } from "../../lib/errors.ts";
import type { Log } from "../../lib/log.ts";
import type { ReadStore } from "../../lib/store/shared-store.ts";
import type { LedgerState } from "./ledger-state.ts";
import type { Replica } from "./replica.ts";

type Deps = Readonly<{
  state: Pick<LedgerState, "asOfMs">;
  replica: Pick<Replica, "reached">;
  store: Pick<ReadStore, "revision">;
  clock: Clock;
  log: Log;
  /** Aborts when the copy is no longer kept. */
  over: AbortSignal;
}>;

/** How long a reader waits for the copy to be as the store is. */
const WAIT_MS = 1_000;

/** How often the copy's age is looked at where nobody reads. */
const LOOK_MS = 5_000;

/** Older than two looks in a row can leave it, however slow they are. */
const LONG_BEHIND_MS = 2 * (LOOK_MS + WAIT_MS);

/** Tells how old a manager's copy is, for its readers. */
export interface Currency {
  /**
   * Waits until the copy has all that was durable at the time of the call, so that a reader sees what
   * whoever wrote before was told; not for long. Resolves with how many milliseconds the copy may be
   * behind: 0 unless the store is out of reach. Rejects as UNAVAILABLE while it never was current.
   */
  ensure(): Promise<number>;
  /** Whether the store has been out of reach for so long that a watch no longer tells the truth. */
  isLongBehind(): boolean;
  /** Looks now and then, until the copy is no longer kept, so that its age is known without readers. */
  run(): Promise<void>;
}

export function createCurrency(deps: Deps): Currency {
  const { clock, state } = deps;
  const look = createLook(deps);
  /** A try that took too long: it tells when the store is back. */
  let late: Promise<void> | undefined;

  async function catchUp(): Promise<boolean> {
    const fromMs = clock.monotonic();
    try {
      await deps.replica.reached(await look(), deps.over);
      state.asOfMs = Math.max(state.asOfMs ?? fromMs, fromMs);
      return true;
    } catch (err) {
      deps.log.debug({ err }, "the copy is behind");
      return false;
    }
  }

  async function isInTime(): Promise<boolean> {
    const trying = catchUp();
    const over = new AbortController();
    const tooLate = clock.sleep(WAIT_MS, over.signal).then(() => undefined);
    const isCurrent = await Promise.race([trying, tooLate]);
    over.abort();
    if (isCurrent === undefined)
      late ??= trying.then(() => {
        late = undefined;
      });
    return isCurrent === true;
  }

  return {
    async ensure() {
      if (!late && (await isInTime())) return 0;
      if (state.asOfMs === undefined) throw neverCurrent();
      return clock.monotonic() - state.asOfMs;
    },
    isLongBehind: () =>
      state.asOfMs !== undefined && clock.monotonic() - state.asOfMs > LONG_BEHIND_MS,
    async run() {
      while (!deps.over.aborted) {
        const isCurrent = late === undefined && (await isInTime());
        await clock.sleep(isCurrent ? LOOK_MS : WAIT_MS, deps.over);
      }
    },
  };
}

/** Asks for the store's revision, once for all who ask before that begins. */
function createLook({ store, clock }: Deps): () => Promise<bigint> {
  let next: Promise<bigint> | undefined;
  return () => {
    next ??= clock.turn().then(() => {
      next = undefined;
      return store.revision();
    });
    return next;
  };
}

const neverCurrent = () =>
  unavailable("STORE_UNAVAILABLE", "the store is out of reach: try again", { retryMs: WAIT_MS });
