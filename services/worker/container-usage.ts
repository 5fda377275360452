import { createSlots } from "../../lib/slots.ts";
import { containerRequests } from "./container-requests.ts";
import type { EngineClient } from "./engine-client.ts";
import { isRefusal } from "./engine-error.ts";
import type { EngineLimits } from "./engine-limits.ts";
import { type Runtime, RuntimeError } from "./runtime.ts";
import type { ReadUsage } from "./usage-cgroup.ts";
import { usageFromEngine } from "./usage-engine.ts";

type Deps = Readonly<{ engine: EngineClient; limits: EngineLimits; read: ReadUsage }>;

/** As many as a worker holds. */
const WAITING = {
  max: 2_000,
  refusal: (max: number) =>
    new RuntimeError("engine-unavailable", `${max} measurements wait for the engine already`),
};

/** What a container uses: from this machine's own files, else from the engine, few at a time. */
export function createUsage({ engine, limits, read }: Deps): Runtime["usage"] {
  const requests = containerRequests(limits);
  const slots = createSlots(limits.statsMax, WAITING);
  return async (subject) => {
    const usage = read(subject);
    if (usage) return usage;
    try {
      return usageFromEngine(
        await slots.run(() => engine.ask(requests.stats(subject.containerId))),
      );
    } catch (error) {
      if (isRefusal(error, 404)) return undefined;
      throw error;
    }
  };
}
