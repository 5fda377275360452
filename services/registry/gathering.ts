import type { Clock } from "../../lib/clock.ts";

/** Passes news of workers on: at once, or, what is routine, with more of its kind. */
export interface Gathering<T> {
  post(workerId: string, news: T, isRoutine: boolean): void;
  /** What was gathered is told to nobody. */
  end(): void;
}

type Options<T> = Readonly<{ clock: Clock; gatherMs: number; deliver: (news: T) => void }>;

export function createGathering<T>({ clock, gatherMs, deliver }: Options<T>): Gathering<T> {
  let gathered = new Map<string, T>();
  let disarm: () => void = () => undefined;

  function deliverGathered(): void {
    const all = gathered;
    gathered = new Map();
    for (const news of all.values()) deliver(news);
  }

  return {
    post(workerId, news, isRoutine) {
      if (isRoutine) {
        if (gathered.size === 0) disarm = clock.after(gatherMs, deliverGathered);
        gathered.set(workerId, news);
        return;
      }
      // This one is later, whatever was gathered.
      if (gathered.delete(workerId) && gathered.size === 0) disarm();
      deliver(news);
    },
    end: () => disarm(),
  };
}
