import { create, type DescMessage, type MessageShape } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import stringWidth from "string-width";
import { toTimestamp } from "../../core/time.ts";
import { TaskEventSchema } from "../../gen/berth/v1/task_event_pb.ts";
import { Health, TaskSchema, TaskState } from "../../gen/berth/v1/task_pb.ts";
import { TaskStatsSchema } from "../../gen/berth/v1/task_stats_pb.ts";
import { WorkerAvailability, WorkerSchema, WorkerState } from "../../gen/berth/v1/worker_pb.ts";
import { createFakeTerminal } from "../testing/fake-terminal.ts";
import { colorsFor } from "./colors.ts";
import { eventListing } from "./event-listing.ts";
import { formatListing, formatStream, type Listing } from "./listing.ts";
import { statsListing } from "./stats-listing.ts";
import { taskListing } from "./task-listing.ts";
import { workerListing } from "./worker-listing.ts";

const NOW = Date.UTC(2026, 0, 1);
const LONG = "a-name-of-63-characters-as-long-as-a-label-of-dns-may-be-for-a-task";
const ID = "1hx2z3c4v00abcde";
const GIB = 2n ** 30n;
const terminal = createFakeTerminal({ env: {}, columns: 80 });
const colors = colorsFor(terminal);

const longTask = create(TaskSchema, {
  id: ID,
  spec: { name: LONG, image: `registry.example.com/shop/${LONG}:1.27`, readinessProbe: {} },
  state: TaskState.RUNNING,
  restartCount: 12,
  attempt: {
    number: 3,
    placement: { workerId: LONG },
    status: {
      health: Health.UNHEALTHY,
      startTime: toTimestamp(NOW - 3_599_000),
      probeMessage: "liveness probe: HTTP status 500",
    },
  },
});

const longWorker = create(WorkerSchema, {
  id: LONG,
  linked: false,
  allocation: { reserved: { cpuMillis: 63_500n, memoryBytes: 100n * GIB }, taskCount: 1_000 },
  settings: { availability: WorkerAvailability.DRAINING },
  presence: {
    state: WorkerState.UP,
    heardTime: toTimestamp(NOW - 59_000),
    description: { capacity: { cpuMillis: 64_000n, memoryBytes: 1_000n * GIB } },
  },
});

const longEvent = create(TaskEventSchema, {
  ...{ taskId: ID, workerId: LONG, time: toTimestamp(NOW), reason: `placed on ${LONG}` },
  ...{ fromState: TaskState.PENDING, toState: TaskState.SCHEDULED },
});

const longStats = create(TaskStatsSchema, {
  ...{ taskId: ID, taskName: LONG, workerId: LONG, cpuPercent: 6_399.9 },
  ...{ memoryBytes: 1_000n * GIB, memoryLimitBytes: 1_000n * GIB, processCount: 10_000n },
  ...{ networkReceiveBytes: 1_023n * GIB, networkTransmitBytes: 1_023n * GIB },
});

function listed<D extends DescMessage>(listing: Listing<D>, item: MessageShape<D>) {
  const flags = { output: "table", headers: true, trunc: true } as const;
  return [
    formatListing(listing, [item], flags, terminal),
    formatStream(listing, [item], { flags, terminal, isFirst: true }),
  ];
}

test.each([
  ["tasks", () => listed(taskListing({ colors, nowMs: NOW, trunc: true }), longTask)],
  ["workers", () => listed(workerListing(colors, NOW), longWorker)],
  ["events", () => listed(eventListing(colors), longEvent)],
  ["what tasks use", () => listed(statsListing, longStats)],
])(
  "on a screen of 80 columns no line is longer, whatever there is to say: %s",
  async (_, tables) => {
    for (const table of await Promise.all(tables())) {
      const widths = table
        .trimEnd()
        .split("\n")
        .map((line) => stringWidth(line));
      expect(Math.max(...widths)).toBeLessThanOrEqual(80);
    }
  },
);
