import { stateName } from "../../core/task-state.ts";
import { TaskState } from "../../gen/berth/v1/task_pb.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import { type Family, labelText, single } from "../../lib/metrics/family.ts";
import { createMetricsPage } from "../../lib/metrics/page.ts";
import { buildInfo, processFamilies } from "../../lib/metrics/process.ts";
import type { CallMeter } from "../../lib/rpc/call-meter.ts";
import type { Tracer } from "../../lib/trace/tracer.ts";
import { type Attempt, stateOf } from "./attempt.ts";
import { containerFamilies } from "./container-families.ts";
import type { UsageSampler } from "./usage-sampler.ts";
import type { HostMeter, HostMetrics } from "./worker-metrics.ts";

type Parts = Readonly<{
  version: string;
  attempts: () => readonly Attempt[];
  sampler: UsageSampler;
  stats: HostMeter;
  /** Why the engine is not healthy. Empty when it is. */
  engineError: () => string;
  calls: CallMeter;
  tracer?: Tracer | undefined;
  clock: Clock;
  log: Log;
}>;

/** What Prometheus asks a worker. Containers are measured when it does. */
export function workerPages(parts: Parts) {
  const { version, attempts, sampler, stats, engineError, calls, tracer, clock, log } = parts;
  const own = () => [
    buildInfo("worker", version),
    gauge("berth_worker_engine_healthy", "1 if the engine answers.", Number(engineError() === "")),
    attemptStates(attempts()),
    ...calls.families(),
    ...(tracer?.families() ?? []),
  ];
  // A machine that cannot be measured does not keep the rest from being told.
  const host = async () => (await stats.measure().then(hostFamilies, () => [])) as Family[];
  const containers = async () => containerFamilies(await sampler.sample(attempts()));
  const collectors = [own, host, containers, processFamilies(clock)];
  return new Map([["/metrics", createMetricsPage(collectors, log)]]);
}

/** States that a worker knows. */
const STATES = Object.values(TaskState).filter(
  (state) => typeof state === "number" && state >= TaskState.STARTING,
) as TaskState[];

function attemptStates(attempts: readonly Attempt[]): Family {
  const counts = new Map(STATES.map((state) => [state, 0]));
  for (const { stage } of attempts) {
    const state = stateOf(stage);
    counts.set(state, (counts.get(state) ?? 0) + 1);
  }
  const points = [...counts].map(([state, value]) => {
    return { labels: labelText({ state: stateName(state) }), value };
  });
  return {
    name: "berth_worker_attempts",
    kind: "gauge",
    help: "Attempts held, ended ones that are not forgotten included, by state.",
    points,
  };
}

const PERCENT = 100;

const hostFamilies = (host: HostMetrics): readonly Family[] => [
  gauge(
    "berth_worker_host_cpu_ratio",
    "CPU use of the machine, 0 to 1.",
    host.cpuPercent / PERCENT,
  ),
  gauge("berth_worker_host_load1", "Load average over a minute.", host.load1m),
  gauge("berth_worker_host_memory_bytes", "Memory of the machine.", host.memoryTotalBytes),
  gauge(
    "berth_worker_host_memory_available_bytes",
    "Memory that programs could still have.",
    host.memoryAvailableBytes,
  ),
  gauge("berth_worker_host_disk_bytes", "Disk that holds the engine's data.", host.diskTotalBytes),
  gauge("berth_worker_host_disk_available_bytes", "Free of it.", host.diskAvailableBytes),
];

const gauge = (name: string, help: string, value: number): Family =>
  single({ name, kind: "gauge", help }, value);
