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
}>;

export function createDisk({ time, world, random, onDurable }: Deps): Disk {
  const durable = createMemoryStore();
  const disk: Disk = { flushMs: FLUSH_MS, isFailing: false, failureCount: 0, openFor };
  /** Who has opened it last. */
  let owner: Process | undefined;

  function openFor(process: Process): Store {
    owner = process;
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
      const result = await write(batch);
      await pause(random() * disk.flushMs * 0.1);
      if (result instanceof StoreError) throw result;
      return result;
    }

    /** Takes effect at a moment of the disk's own: its process may be dead by then, or not yet. */
    const write = (batch: Batch) =>
      new Promise<CommitResult | StoreError>((resolve) => {
        const answer = (result: CommitResult | StoreError) =>
          time.schedule(process, 0, () => resolve(result));
        time.schedule(world, random() * disk.flushMs, () => {
          if (owner !== process || (process.state === "dead" && random() < 0.5)) return;
          if (disk.isFailing) answer(failure());
          else
            void durable.commit(batch).then((result) => {
              onDurable(batch);
              answer(result);
            });
        });
      });

    function failure(): StoreError {
      disk.isFailing = false;
      disk.failureCount++;
      return new StoreError("the store cannot write any more: restart the process");
    }

    return {
      get: (key) => read(() => durable.get(key)),
      list: (prefix, page) => read(() => durable.list(prefix, page)),
      count: (prefix) => read(() => durable.count(prefix)),
      revision: () => read(() => durable.revision()),
      watch: (prefix, afterRevision, signal) => durable.watch(prefix, afterRevision, signal),
      commit(batch) {
        const result = flushed.then(() => flush(batch));
        flushed = result.catch(() => undefined);
        return result;
      },
      close: async () => undefined,
    };
  }

  return disk;
}
