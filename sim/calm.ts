import type { FaultStep } from "./plan.ts";

/** Remembers what was in trouble and since when it has been calm. */
export interface Calm {
  /** A fault begins. Returns how to say that it has ended. */
  disturb(step: FaultStep): () => void;
  /** Since when nothing has befallen the machines, or the ways between them. */
  sinceMs(machines: readonly string[]): number;
  /** When something last began or ended to befall one of the machines. */
  newsMs(machines: readonly string[]): number;
  /** The latest trouble of each of them, and of each way between two. */
  troublesOf(machines: readonly string[]): readonly Trouble[];
}

/** `endedMs` is infinite while it lasts. */
export type Trouble = Readonly<{ beganMs: number; endedMs: number }>;

type Record = { activeCount: number; beganMs: number; endedMs: number; newsMs: number };

export function createCalm(nowMs: () => number): Calm {
  const records = new Map<string, Record>();

  function recordOf(thing: string): Record {
    const record = records.get(thing) ?? { activeCount: 0, beganMs: 0, endedMs: 0, newsMs: 0 };
    records.set(thing, record);
    return record;
  }

  const calmOf = (thing: string): number => {
    const { activeCount, endedMs } = recordOf(thing);
    return activeCount > 0 ? Number.POSITIVE_INFINITY : endedMs;
  };

  const thingsOf = (machines: readonly string[]) => {
    const ways = machines.flatMap((a) => machines.map((b) => wayBetween(a, b)));
    return [...machines, ...ways];
  };

  return {
    disturb(step) {
      const record = recordOf(thingOf(step));
      record.newsMs = nowMs();
      if (record.activeCount++ === 0) record.beganMs = nowMs();
      return () => {
        record.activeCount--;
        record.endedMs = nowMs();
        record.newsMs = nowMs();
      };
    },
    sinceMs: (machines) => Math.max(...thingsOf(machines).map(calmOf)),
    newsMs: (machines) => Math.max(...machines.map((name) => recordOf(name).newsMs)),
    troublesOf: (machines) =>
      thingsOf(machines).map((thing) => ({
        beganMs: recordOf(thing).beganMs,
        endedMs: calmOf(thing),
      })),
  };
}

const thingOf = ({ on, to }: FaultStep) => (to === undefined ? on : wayBetween(on, to));

const wayBetween = (a: string, b: string) => [a, b].sort().join(" - ");
