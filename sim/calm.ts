import type { FaultStep } from "./plan.ts";

/** Remembers what was in trouble and since when it has been calm. */
export interface Calm {
  /** A fault begins. Returns how to say that it has ended. */
  disturb(step: FaultStep): () => void;
  /** Since when nothing has befallen the machines, or the ways between them. */
  sinceMs(machines: readonly string[]): number;
}

type Record = { activeCount: number; endedMs: number };

export function createCalm(nowMs: () => number): Calm {
  const records = new Map<string, Record>();

  function recordOf(thing: string): Record {
    const record = records.get(thing) ?? { activeCount: 0, endedMs: 0 };
    records.set(thing, record);
    return record;
  }

  const calmOf = (thing: string): number => {
    const { activeCount, endedMs } = recordOf(thing);
    return activeCount > 0 ? Number.POSITIVE_INFINITY : endedMs;
  };

  return {
    disturb(step) {
      const record = recordOf(thingOf(step));
      record.activeCount++;
      return () => {
        record.activeCount--;
        record.endedMs = nowMs();
      };
    },
    sinceMs(machines) {
      const ways = machines.flatMap((a) => machines.map((b) => wayBetween(a, b)));
      return Math.max(...[...machines, ...ways].map(calmOf));
    },
  };
}

const thingOf = ({ on, to }: FaultStep) => (to === undefined ? on : wayBetween(on, to));

const wayBetween = (a: string, b: string) => [a, b].sort().join(" - ");
