import { create } from "@bufbuild/protobuf";
import { afterEach } from "@jest/globals";
import { type AttemptStatus, TaskSpecSchema } from "../../gen/berth/v1/task_pb.ts";
import { silentLog } from "../../lib/log.ts";
import { createManualClock } from "../../lib/manual-clock.ts";
import { createSeededRandom } from "../../lib/random.ts";
import { createFakeRuntime } from "./fake-runtime.ts";
import { createFakeEngine } from "./fake-runtime-engine.ts";
import { createFakeProbes } from "./prober-fake.ts";
import { statusOf } from "./reports.ts";
import { createReportFeed } from "./reports-feed.ts";
import { createMemoryFolder } from "./state-folder-memory.ts";
import { createSupervisor } from "./supervisor.ts";
import { openVerdicts } from "./verdicts.ts";

export const key = { taskId: "t1", attempt: 1 };
export const owner = { clusterId: "c1", workerId: "w1" };
export const spec = (image = "web:1") => create(TaskSpecSchema, { name: "web", image });

const lives: AbortController[] = [];
afterEach(() => {
  for (const life of lives.splice(0)) life.abort();
});

/** A machine with an engine, on which worker processes come and go. */
export function machine() {
  const clock = createManualClock();
  const engine = createFakeEngine(clock);
  const reports: AttemptStatus[] = [];
  const feed = createReportFeed();
  const folder = createMemoryFolder(owner.workerId);
  return {
    clock,
    engine,
    feed,
    reports,
    states: () => reports.map(({ state }) => state),
    last: () => reports.at(-1),
    async boot(self = owner) {
      const life = new AbortController();
      lives.push(life);
      const supervisor = createSupervisor({
        runtime: createFakeRuntime(engine),
        probes: createFakeProbes(engine),
        verdicts: await openVerdicts(folder.verdicts, silentLog),
        owner: () => self,
        engine: () => "fake 1.0",
        clock,
        random: createSeededRandom(1),
        log: silentLog,
        onReport(attempt) {
          reports.push(statusOf(attempt));
          feed.publish(attempt);
        },
      });
      void supervisor.run(life.signal);
      await clock.advance(1);
      return Object.assign(supervisor, { crash: () => life.abort() });
    },
  };
}
