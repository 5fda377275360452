import { type Family, labelText, type Point, single } from "../../lib/metrics/family.ts";
import { type Attempt, containerOf } from "./attempt.ts";
import { type ContainerUsage, containerName } from "./runtime.ts";
import type { Sample } from "./usage-sampler.ts";

type Measured = Readonly<{ labels: string; usage: ContainerUsage; attempt: Attempt }>;

type Figure = Omit<Family, "points"> &
  Readonly<{
    /** Undefined where a container has no such figure. */
    read: (measured: Measured) => number | undefined;
  }>;

const NANOS = 1e9;
const MILLIS = 1_000;

/** Under cAdvisor's names, so that boards which are made for those work. */
const FIGURES: readonly Figure[] = [
  {
    name: "container_cpu_usage_seconds_total",
    kind: "counter",
    help: "CPU time used.",
    read: ({ usage }) => usage.cpuNanos / NANOS,
  },
  {
    name: "container_memory_working_set_bytes",
    kind: "gauge",
    help: "Memory without files that the kernel can drop.",
    read: ({ usage }) => usage.memoryBytes,
  },
  {
    name: "container_memory_usage_bytes",
    kind: "gauge",
    help: "All memory that is charged to it.",
    read: ({ usage }) => usage.memoryUsageBytes,
  },
  {
    name: "container_spec_memory_limit_bytes",
    kind: "gauge",
    help: "The most memory that it may have; 0 for no limit.",
    read: ({ usage }) => usage.memoryLimitBytes,
  },
  {
    name: "container_network_receive_bytes_total",
    kind: "counter",
    help: "Bytes received over all its interfaces.",
    read: ({ usage }) => usage.network?.receiveBytes,
  },
  {
    name: "container_network_transmit_bytes_total",
    kind: "counter",
    help: "Bytes sent over all its interfaces.",
    read: ({ usage }) => usage.network?.transmitBytes,
  },
  {
    name: "container_fs_reads_bytes_total",
    kind: "counter",
    help: "Bytes read from block devices.",
    read: ({ usage }) => usage.blockReadBytes,
  },
  {
    name: "container_fs_writes_bytes_total",
    kind: "counter",
    help: "Bytes written to block devices.",
    read: ({ usage }) => usage.blockWriteBytes,
  },
  {
    name: "container_processes",
    kind: "gauge",
    help: "Processes and threads.",
    read: ({ usage }) => usage.processCount,
  },
  {
    name: "container_start_time_seconds",
    kind: "gauge",
    help: "When it was started, since the Unix epoch.",
    read: ({ attempt }) => {
      const startTimeMs = containerOf(attempt.stage)?.startTimeMs;
      return startTimeMs === undefined ? undefined : startTimeMs / MILLIS;
    },
  },
];

/** What containers use, and how many could not be measured. */
export function containerFamilies(samples: readonly Sample[]): readonly Family[] {
  const all = samples.flatMap(({ attempt, measured }): Measured[] =>
    measured.kind === "usage"
      ? [{ labels: labelsOf(attempt), usage: measured.usage, attempt }]
      : [],
  );
  const failedCount = samples.filter(({ measured }) => measured.kind === "failed").length;
  return [
    ...FIGURES.map(({ read, ...family }) => ({ ...family, points: pointsOf(all, read) })),
    single(
      {
        name: "berth_worker_unmeasured_containers",
        kind: "gauge",
        help: "Containers that run and could not be measured.",
      },
      failedCount,
    ),
  ];
}

function pointsOf(all: readonly Measured[], read: Figure["read"]): readonly Point[] {
  const points: Point[] = [];
  for (const measured of all) {
    const value = read(measured);
    if (value !== undefined) points.push({ labels: measured.labels, value });
  }
  return points;
}

/** Written once a scrape, for all figures of a container. */
const labelsOf = ({ key, name, spec, image, stage }: Attempt): string =>
  labelText({
    id: `/docker/${containerOf(stage)?.id ?? ""}`,
    name: containerName(key),
    image: spec?.image ?? image ?? "",
    task_id: key.taskId,
    task_name: name,
  });
