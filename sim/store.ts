import type { Log } from "../lib/log.ts";
import { createMemoryStore } from "../lib/store/memory-store.ts";
import { type Batch, type CommitResult, type Store, StoreError } from "../lib/store/store.ts";
import type { Process, VirtualTime } from "./virtual-clock.ts";

/** A disk that outlives every manager. */
export interface Disk {
  /** How long a flush takes at most. */
  flushMs: number;
  /** Whether the next flush fails, after which the disk is well again. */
  isFailing: boolean;
  /** How often one has failed. */
  failureCount: number;
  /**
   * What one process has of it, until another one opens it: what has not been flushed when the
   * process dies is lost.
   */
  openFor(process: Process): Store;
}

/** A good SSD. */
export const FLUSH_MS = 2;

type Deps = Readonly<{
  time: VirtualTime;
  /** The disk itself, which no process takes along. */
  world: Process;
  random: () => number;
  /** Hears of every batch once it is on the disk. */
  onDurable: (batch: Batch) => void;
  log: Log;
}>;

export function createDisk(deps: Deps): Disk {
  const { time, world, random, onDurable } = deps;
  const durable = createMemoryStore();
  /** Who has opened it last. */
  let owner: Process | undefined;

  /** What a process wrote just before it died may get to the disk or not. */
  const isHeard = (process: Process): boolean =>
    owner === process && (process.state !== "dead" || random() >= 0.5);

  /** Takes effect at a moment of the disk's own: its process may be dead by then, or not yet. */
  const write: Write = (batch, process) =>
    new Promise((resolve) => {
      const answer = (result: CommitResult | StoreError) =>
        time.schedule(process, 0, () => resolve(result));
      time.schedule(world, random() * disk.flushMs, () => {
        if (!isHeard(process)) return;
        if (disk.isFailing) answer(failOnce(disk));
        else
          void durable.commit(batch).then((result) => {
            onDurable(batch);
            answer(result);
          });
      });
    });

  const disk: Disk = {
    flushMs: FLUSH_MS,
    isFailing: false,
    failureCount: 0,
    openFor(process) {
      owner = process;
      return openStore(process, deps, { disk, durable, write });
    },
  };
  return disk;
}

function failOnce(disk: Disk): StoreError {
  disk.isFailing = false;
  disk.failureCount++;
  return new StoreError("the store cannot write any more: restart the process");
}

/** Resolves with the error if the disk fails; never for a process that does not live. */
type Write = (batch: Batch, process: Process) => Promise<CommitResult | StoreError>;

type Platter = Readonly<{ disk: Disk; durable: Store; write: Write }>;

/** The store as one process has it: whatever is asked of it is answered later. */
function openStore(
  process: Process,
  { time, random, log }: Deps,
  { disk, durable, write }: Platter,
): Store {
  /** A process's commits are flushed one after the other. */
  let flushed: Promise<unknown> = Promise.resolve();

  /** Resolves later, and only for a process that lives. */
  const pause = (delayMs: number) =>
    new Promise<void>((resolve) => void time.schedule(process, delayMs, resolve));

  async function read<T>(answer: () => Promise<T>): Promise<T> {
    await pause(0);
    return answer();
  }

  async function flush(batch: Batch): Promise<CommitResult> {
    await pause(0);
    const result = await write(batch, process);
    await pause(random() * disk.flushMs * 0.1);
    if (result instanceof StoreError) throw result;
    return result;
  }

  return {
    limits: durable.limits,
    get: (key) => read(() => durable.get(key)),
    list: (prefix, page) => read(() => durable.list(prefix, page)),
    count: (prefix) => read(() => durable.count(prefix)),
    revision: () => read(() => durable.revision()),
    watch: (prefix, afterRevision, signal) => durable.watch(prefix, afterRevision, signal),
    commit(batch) {
      const result = flushed.then(() => flush(batch));
      // Whoever commits gets the error. The next flush waits for the end of this one, good or bad.
      flushed = result.catch((err: unknown) => log.debug({ err }, "flush failed"));
      return result;
    },
    close: async () => undefined,
  };
}
