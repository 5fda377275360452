import { type Clock, sleepBy, systemClock } from "../lib/clock.ts";
import { createEventQueue, type Timed } from "./event-queue.ts";

/**
 * One life of a program. Nothing happens in it but through its events: what a dead one still
 * waited for never comes, and a frozen one gets everything late.
 */
export type Process = {
  readonly name: string;
  state: "alive" | "frozen" | "dead";
  /** What came while it was frozen, in the order it came. */
  readonly held: TimeEvent[];
};

/** `timer`: the process had asked for it. `io`: something outside of it has happened. */
type TimeEvent = Timed &
  Readonly<{ process: Process; kind: "timer" | "io"; run: () => void }> & { isCancelled: boolean };

export const createProcess = (name: string): Process => ({ name, state: "alive", held: [] });

/** Time that stands still while anything is done, and then jumps to what comes next. */
export interface VirtualTime {
  /** Milliseconds since the world began. */
  elapsedMs(): number;
  /** How many events have happened. */
  eventCount(): number;
  /** Has `run` happen in a process after `delayMs`, unless the returned function is called before. */
  schedule(process: Process, delayMs: number, run: () => void): () => void;
  /** The same for what reaches a process from outside. */
  deliver(process: Process, delayMs: number, run: () => void): void;
  /** Has a process stop in the middle of everything. */
  freeze(process: Process): void;
  /** What came meanwhile comes now; as in Node, timers that are due before what was received. */
  thaw(process: Process): void;
  kill(process: Process): void;
  /**
   * Lets everything happen up to a moment, one event at a time, each with all that follows from
   * it in its own turn; `afterEach` looks at the result. Ends early when that returns true.
   */
  run(untilMs: number, afterEach: () => boolean): Promise<void>;
}

/** Longest delay a Node timer can hold. */
const TIMER_MS_MAX = 2 ** 31 - 1;

export function createVirtualTime(): VirtualTime {
  const queue = createEventQueue<TimeEvent>();
  let elapsed = 0;
  let sequence = 0;
  let count = 0;

  function add(event: Pick<TimeEvent, "process" | "kind" | "run">, delayMs: number): TimeEvent {
    const { process, kind, run } = event;
    const dueMs = elapsed + Math.min(Math.max(0, delayMs), TIMER_MS_MAX);
    const timed = { process, kind, run, dueMs, sequence: sequence++, isCancelled: false };
    queue.push(timed);
    return timed;
  }

  return {
    elapsedMs: () => elapsed,
    eventCount: () => count,
    schedule(process, delayMs, run) {
      const event = add({ process, kind: "timer", run }, delayMs);
      return () => {
        event.isCancelled = true;
      };
    },
    deliver: (process, delayMs, run) => void add({ process, kind: "io", run }, delayMs),
    freeze(process) {
      if (process.state === "alive") process.state = "frozen";
    },
    thaw(process) {
      if (process.state !== "frozen") return;
      process.state = "alive";
      for (const event of takeHeld(process))
        queue.push(Object.assign(event, { dueMs: elapsed, sequence: sequence++ }));
    },
    kill(process) {
      process.state = "dead";
      process.held.length = 0;
    },
    async run(untilMs, afterEach) {
      for (let next = queue.peek(); next && next.dueMs <= untilMs; next = queue.peek()) {
        queue.pop();
        elapsed = Math.max(elapsed, next.dueMs);
        if (!isAdmitted(next)) continue;
        count++;
        next.run();
        // A turn of the real event loop: all promises that can settle have settled after it.
        await systemClock.turn();
        if (afterEach()) return;
      }
      elapsed = Math.max(elapsed, untilMs);
    },
  };
}

/** Whether an event happens now. Never in a dead process; a frozen one holds it back. */
function isAdmitted(event: TimeEvent): boolean {
  const { state, held } = event.process;
  if (event.isCancelled) return false;
  if (state === "frozen") held.push(event);
  return state === "alive";
}

/** What a process has held back, timers first. */
function takeHeld({ held }: Process): readonly TimeEvent[] {
  const late = held.splice(0).filter(({ isCancelled }) => !isCancelled);
  const ofKind = (kind: TimeEvent["kind"]) => late.filter((event) => event.kind === kind);
  return [...ofKind("timer"), ...ofKind("io")];
}

/**
 * A process's clock, as coarse as Node's: timers count whole milliseconds, from one on. `now` is
 * off by what `skewMs` says at the moment; `monotonic` never is.
 */
export function createClock(
  time: VirtualTime,
  process: Process,
  skewMs: () => number = () => 0,
): Clock {
  const after: Clock["after"] = (delayMs, action) =>
    time.schedule(process, Math.max(1, Math.trunc(delayMs)), action);
  return {
    now: () => EPOCH_MS + time.elapsedMs() + skewMs(),
    monotonic: () => time.elapsedMs(),
    turn: () =>
      new Promise((resolve) => {
        time.schedule(process, 0, resolve);
      }),
    after,
    sleep: sleepBy(after),
  };
}

/** When the world begins, by the calendar. */
export const EPOCH_MS = Date.UTC(2026, 0, 1);
