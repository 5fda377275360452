import type { History } from "../history.ts";
import type { Seen } from "./etcd-reader.ts";
import type { Written } from "./etcd-trials.ts";

/** The history of a store, and up to where in etcd's own it goes. */
export interface Past {
  /** The latest revision of the store in it. */
  head(): bigint;
  /** The revision of etcd up to which it is complete. */
  place(): bigint;
  /** Adds a batch, in whatever order this process and etcd's watch tell of them. */
  add(written: Written): void;
  /** After a look at the store: nothing of ours is between its head and the moment of the look. */
  catchUp(seen: Seen): void;
  /** etcd has forgotten what comes next. Whoever had not read what came before is told. */
  skipTo(seen: Seen): void;
  /** Resolves once it has come to `revision`, or has ended, or `signal` aborts. */
  reached(revision: bigint, signal: AbortSignal): Promise<void>;
  end(): void;
}

export function createPast(history: History, placeAtFirst: bigint): Past {
  let place = placeAtFirst;
  let ended = false;
  const sleepers = new Set<() => void>();

  function wakeAll(): void {
    for (const wake of sleepers) wake();
  }

  function moveTo(next: bigint): void {
    if (next > place) place = next;
    wakeAll();
  }

  const change = (signal: AbortSignal) =>
    new Promise<void>((resolve) => {
      const wake = () => {
        sleepers.delete(wake);
        signal.removeEventListener("abort", wake);
        resolve();
      };
      sleepers.add(wake);
      signal.addEventListener("abort", wake);
      if (signal.aborted) wake();
    });

  return {
    head: history.head,
    place: () => place,
    add({ revision, modRevision, changes }) {
      // What is not next is known already, or comes from the watch.
      if (revision !== history.head() + 1n) return;
      history.append(revision, changes);
      moveTo(modRevision);
    },
    catchUp({ revision, readAt }) {
      if (revision === history.head()) moveTo(readAt);
    },
    skipTo({ revision, readAt }) {
      if (revision > history.head()) history.skipTo(revision);
      moveTo(readAt);
    },
    async reached(revision, signal) {
      while (history.head() < revision && !signal.aborted && !ended) await change(signal);
    },
    end() {
      ended = true;
      wakeAll();
    },
  };
}
