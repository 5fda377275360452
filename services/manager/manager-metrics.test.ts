import { afterEach, expect, test } from "@jest/globals";
import { createManualClock } from "../../lib/manual-clock.ts";
import { formatFamilies } from "../../lib/metrics/family.ts";
import { aPresence, GIB } from "../../test/builders.ts";
import { until } from "../../test/until.ts";
import { managerFamilies } from "./manager-metrics.ts";
import { runSchedulerLoop } from "./scheduler-loop.ts";
import { createTargetsPage } from "./targets-page.ts";
import { createManagerRig } from "./testing/manager-rig.ts";

const control = new AbortController();
afterEach(() => control.abort());

/** A manager with a worker, a task on it and a task that fits nowhere. */
async function createRig() {
  const clock = createManualClock();
  const rig = await createManagerRig({ clock });
  rig.ledger.subscribe(rig.meters.note);
  void runSchedulerLoop(rig, control.signal);
  rig.workers.setPresence(aPresence("w1"));
  rig.workers.setLinked("w1", true);
  const submit = (memoryBytes: bigint) =>
    rig.client.submitTask({ spec: { image: "a", reservation: { memoryBytes } } });
  await submit(BigInt(GIB));
  await submit(BigInt(999 * GIB));
  await until("one is placed", () => rig.ledger.tasks.placedCount("w1") === 1);
  const view = { ledger: rig.ledger, workers: rig.workers, board: rig.board };
  const text = (nowMs = clock.now()) =>
    formatFamilies([...managerFamilies(view, nowMs), ...rig.meters.families()]);
  return { ...rig, view, text };
}

test("a manager that leads tells of tasks, workers, what is promised and what was decided", async () => {
  const { text } = await createRig();
  const lines = text().split("\n");
  expect(lines).toEqual(
    expect.arrayContaining([
      "berth_leader 1",
      'berth_tasks{state="scheduled"} 1',
      'berth_tasks{state="failed"} 0',
      "berth_scheduler_queue_depth 1",
      'berth_workers{state="ready"} 1',
      'berth_worker_tasks{worker_id="w1"} 1',
      `berth_worker_allocated_memory_bytes{worker_id="w1"} ${GIB}`,
      'berth_worker_allocatable_cpu_cores{worker_id="w1"} 4',
      "berth_placements_total 1",
      'berth_task_transitions_total{to="scheduled"} 1',
      "berth_task_restarts_total 0",
    ]),
  );
  expect(text()).toMatch(/berth_placement_failures_total\{reason="[a-z_-]+"\} 1\n/);
});

test("a manager that waits promises nothing, and one that knows nothing says so", async () => {
  const { view } = await createRig();
  const { board: _, ...standby } = view;
  const text = formatFamilies(managerFamilies(standby, 0));
  expect(text).toContain("berth_leader 0\n");
  expect(text).toContain('berth_workers{state="ready"} 1\n');
  expect(text).not.toContain("allocated_memory");
  expect(formatFamilies(managerFamilies(undefined, 0))).toContain("berth_leader 0\n");
});

test("of more workers than a thousand those have numbers whose IDs come first", async () => {
  const rig = await createManagerRig({ clock: createManualClock() });
  for (let i = 0; i < 1_002; i++) rig.workers.setPresence(aPresence(`w${i}`));
  const view = { ledger: rig.ledger, workers: rig.workers };
  const text = formatFamilies(managerFamilies(view, 0));
  expect(text.match(/^berth_worker_tasks\{/gm)).toHaveLength(1_000);
  expect(text).toContain("berth_workers_without_series 2\n");
});

test("Prometheus is told of the manager that it asks, the registries and the workers", async () => {
  const { view, workers } = await createRig();
  const { description } = aPresence("w2");
  if (description) description.labels = { "example.com/zone": "a" };
  workers.setPresence(aPresence("w2", { ...(description && { description }) }));
  const told: string[] = [];
  const page = createTargetsPage(() => view, "r1:7071,srv:_berth._tcp.example.com");
  const response = { setHeader: () => undefined, end: (text: string) => told.push(text) };
  page({ headers: { host: "m1:7070" } } as never, response as never);
  expect(JSON.parse(told[0] ?? "")).toEqual([
    { targets: ["m1:7070"], labels: { __meta_berth_service: "manager" } },
    { targets: ["r1:7071"], labels: { __meta_berth_service: "registry" } },
    expect.objectContaining({ targets: ["w1:7072"] }),
    {
      targets: ["w2:7072"],
      labels: {
        __meta_berth_service: "worker",
        __meta_berth_worker_id: "w2",
        __meta_berth_hostname: "w2",
        __meta_berth_label_example_com_zone: "a",
      },
    },
  ]);
});
