import type { Clock } from "../clock.ts";
import { type Collector, type Family, labelText, single } from "./family.ts";

/** What the process itself uses, under the names that Prometheus' own clients use. */
export const processFamilies =
  (clock: Clock): Collector =>
  () => {
    const { rss, heapUsed } = process.memoryUsage();
    const { user, system } = process.cpuUsage();
    const startMs = clock.now() - 1_000 * process.uptime();
    const loop = performance.eventLoopUtilization();
    return [
      counter("process_cpu_seconds_total", "CPU time of the process.", (user + system) / 1e6),
      gauge("process_resident_memory_bytes", "Resident memory of the process.", rss),
      gauge(
        "process_start_time_seconds",
        "When the process began, since the Unix epoch.",
        startMs / 1_000,
      ),
      gauge("nodejs_heap_used_bytes", "JavaScript heap in use.", heapUsed),
      counter(
        "nodejs_event_loop_active_seconds_total",
        "Time that the event loop was busy.",
        loop.active / 1_000,
      ),
    ];
  };

const gauge = (name: string, help: string, value: number): Family =>
  single({ name, kind: "gauge", help }, value);

const counter = (name: string, help: string, value: number): Family =>
  single({ name, kind: "counter", help }, value);

/** Which program this is. */
export const buildInfo = (service: string, version: string): Family => ({
  name: "berth_build_info",
  kind: "gauge",
  help: "1, with the version and the role of this service.",
  points: [{ labels: labelText({ service, version, node: process.version }), value: 1 }],
});
