import type { Engine, EngineEvent } from "./engine.ts";

/** Waits for engine events by their labels. */
export interface EventBoard {
  /** The first `count` events of an action whose labels match, from now on or already seen. */
  collect(action: string, matches: Matcher, count: number): Promise<readonly EngineEvent[]>;
  /** Forgets what was seen. */
  clear(): void;
  close(): void;
}

type Matcher = (event: EngineEvent) => boolean;

/** Longer than any start here takes: a bench that waits longer is stuck. */
const PATIENCE_MS = 120_000;

export async function openEventBoard(engine: Engine): Promise<EventBoard> {
  let seen: EngineEvent[] = [];
  const waiting = new Set<() => void>();
  const stop = await engine.listen((event) => {
    seen.push(event);
    for (const check of waiting) check();
  });

  return {
    collect: (action, matches, count) =>
      new Promise((resolve, reject) => {
        const isMeant = (event: EngineEvent) => event.action === action && matches(event);
        const timer = setTimeout(
          () => reject(new Error(`${count} ${action} events never came`)),
          PATIENCE_MS,
        );
        const check = () => {
          const found = seen.filter(isMeant);
          if (found.length < count) return;
          clearTimeout(timer);
          waiting.delete(check);
          resolve(found.slice(0, count));
        };
        waiting.add(check);
        check();
      }),
    clear: () => {
      seen = [];
    },
    close: stop,
  };
}
