import type { Clock } from "../../lib/clock.ts";
import { createFakeEngine, type FakeContainer } from "../../services/worker/fake-runtime-engine.ts";

/** A fake engine, and every container that it ever made. */
export function createRememberedEngine(clock: Clock) {
  const engine = createFakeEngine(clock);
  const everMade: FakeContainer[] = [];
  const { containers } = engine;
  const set = containers.set.bind(containers);
  containers.set = (id, container) => {
    everMade.push(container);
    return set(id, container);
  };
  return { engine, everMade };
}

export type RememberedEngine = ReturnType<typeof createRememberedEngine>;
