import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import { createMetricsPage } from "../../lib/metrics/page.ts";
import { buildInfo, processFamilies } from "../../lib/metrics/process.ts";
import type { CallMeter } from "../../lib/rpc/call-meter.ts";
import type { Tracer } from "../../lib/trace/tracer.ts";
import type { ManagerConfig } from "./manager.ts";
import { type ManagerView, managerFamilies } from "./manager-metrics.ts";
import type { Meters } from "./meters.ts";
import { createTargetsPage } from "./targets-page.ts";

type Parts = Readonly<{
  view: () => ManagerView | undefined;
  meters: Meters;
  calls: CallMeter;
  tracer?: Tracer | undefined;
  clock: Clock;
  log: Log;
}>;

/** What Prometheus asks a manager. */
export function managerPages(
  { registryAddress, version }: ManagerConfig,
  { view, meters, calls, tracer, clock, log }: Parts,
) {
  const collect = () => [
    buildInfo("manager", version),
    ...managerFamilies(view(), clock.now()),
    ...meters.families(),
    ...calls.families(),
    ...(tracer?.families() ?? []),
  ];
  return new Map([
    ["/metrics", createMetricsPage([collect, processFamilies(clock)], log)],
    ["/prometheus/targets", createTargetsPage(view, registryAddress)],
  ]);
}
