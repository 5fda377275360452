import type { CheckResult } from "../../core/probe.ts";
import type { PortQuestion } from "../../core/probe-plan.ts";
import { failed, passed, unasked } from "../../lib/checks/check-result.ts";
import type { FakeContainer, FakeEngine } from "./fake-runtime-engine.ts";
import type { ProbeCalls } from "./prober-calls.ts";

/** Asks the containers of a fake engine: what they say is their image's doing, see `Behaviour`. */
export const createFakeProbes = (engine: FakeEngine): ProbeCalls => ({
  async ask({ containerId, kind, question }, signal) {
    if (question.kind === "exec" && engine.mode !== "up") return unasked("the engine is silent");
    const container = engine.containers.get(containerId);
    return answerOf(engine, container, { signal, isReadiness: kind === "readiness" });
  },
});

/** Asks whatever runs behind a published port of one of the engines, as a manager would. */
export const createFakePortProbes =
  (engines: () => Iterable<FakeEngine>) =>
  async ({ port }: PortQuestion, signal: AbortSignal): Promise<CheckResult> => {
    for (const engine of engines())
      for (const container of engine.containers.values()) {
        const { state } = container;
        const isBehind = state.kind === "running" && state.ports.some((p) => p.hostPort === port);
        if (isBehind) return answerOf(engine, container, { signal, isReadiness: false });
      }
    return failed(REFUSED);
  };

const REFUSED = "connection refused";

type Asked = Readonly<{ signal: AbortSignal; isReadiness: boolean }>;

async function answerOf(
  engine: FakeEngine,
  container: FakeContainer | undefined,
  { signal, isReadiness }: Asked,
): Promise<CheckResult> {
  if (container?.state.kind !== "running") return failed(REFUSED);
  const { behaviour, state, ailment } = container;
  if (behaviour.isDeaf) {
    await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    return failed("no answer in time");
  }
  if (ailment !== undefined) return failed(ailment);
  const ageMs = engine.clock.now() - state.startTimeMs;
  if (ageMs < behaviour.healthyAfterMs) return failed("not yet healthy");
  if (ageMs >= behaviour.unhealthyAfterMs) return failed("not healthy any more");
  return isReadiness && ageMs >= behaviour.unreadyAfterMs ? failed("not ready any more") : passed;
}
