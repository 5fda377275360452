import { toMillis } from "../../core/time.ts";
import { type WorkerPresence, WorkerState } from "../../gen/berth/v1/worker_pb.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import { type Family, labelText, type Point, single } from "../../lib/metrics/family.ts";
import { createMetricsPage } from "../../lib/metrics/page.ts";
import { buildInfo, processFamilies } from "../../lib/metrics/process.ts";
import type { CallMeter } from "../../lib/rpc/call-meter.ts";
import type { Tracer } from "../../lib/trace/tracer.ts";
import type { Roster } from "./roster.ts";

type Parts = Readonly<{
  version: string | undefined;
  roster: Pick<Roster, "list">;
  heartbeatCount: () => number;
  calls: CallMeter;
  tracer?: Tracer | undefined;
  clock: Clock;
  log: Log;
}>;

/** Workers that have numbers of their own. The cost of a scrape must have an end. */
const WORKERS_MAX = 1_000;

const MILLIS = 1_000;

/** What Prometheus asks a registry. */
export function registryPages({
  version = "",
  roster,
  heartbeatCount,
  calls,
  tracer,
  clock,
  log,
}: Parts) {
  const collect = () => [
    buildInfo("registry", version),
    ...presenceFamilies(roster.list(), clock.now()),
    single(
      {
        name: "berth_registry_heartbeats_total",
        kind: "counter",
        help: "Heartbeats of workers that have their session here.",
      },
      heartbeatCount(),
    ),
    ...calls.families(),
    ...(tracer?.families() ?? []),
  ];
  return new Map([["/metrics", createMetricsPage([collect, processFamilies(clock)], log)]]);
}

/** A roster that counts heartbeats, and how many there were. */
export function countHeartbeats(roster: Roster) {
  let count = 0;
  const counting: Roster = {
    ...roster,
    hear(key, heartbeat) {
      count++;
      return roster.hear(key, heartbeat);
    },
  };
  return { roster: counting, heartbeatCount: () => count };
}

function presenceFamilies(presences: readonly WorkerPresence[], nowMs: number): readonly Family[] {
  const up = presences.filter(({ state }) => state === WorkerState.UP);
  return [
    {
      name: "berth_registry_workers",
      kind: "gauge",
      help: "Workers known to the registry, by state.",
      points: [WorkerState.UP, WorkerState.DOWN, WorkerState.LEFT].map((state) => ({
        labels: labelText({ state: WorkerState[state].toLowerCase() }),
        value: presences.filter((each) => each.state === state).length,
      })),
    },
    {
      name: "berth_heartbeat_age_seconds",
      kind: "gauge",
      help: "Since a worker's latest heartbeat.",
      points: up.slice(0, WORKERS_MAX).flatMap(({ workerId, heardTime }): Point[] => {
        if (!heardTime) return [];
        const value = Math.max(0, nowMs - toMillis(heardTime)) / MILLIS;
        return [{ labels: labelText({ worker_id: workerId }), value }];
      }),
    },
  ];
}
