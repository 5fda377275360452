import type { MessageInitShape } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { afterEach, describe, expect, test } from "@jest/globals";
import { schedule } from "../../core/task-change.ts";
import { PlacementSchema } from "../../gen/berth/v1/placement_pb.ts";
import { ProbeFrom } from "../../gen/berth/v1/probe_pb.ts";
import {
  type AttemptStatusSchema,
  FailureReason,
  Health,
  PortProtocol,
  RestartMode,
  type Task,
  TaskState,
} from "../../gen/berth/v1/task_pb.ts";
import type { CheckResult } from "../../lib/checks/check-result.ts";
import { failed, passed } from "../../lib/checks/check-result.ts";
import { createManualClock } from "../../lib/manual-clock.ts";
import type { NetworkQuestion } from "../../lib/rpc/network-check.ts";
import { aPresence, aReport } from "../../test/builders.ts";
import { runProber } from "./prober.ts";
import { createManagerRig } from "./testing/manager-rig.ts";

const lives: AbortController[] = [];
afterEach(() => {
  for (const life of lives.splice(0)) life.abort();
});

const byManager = {
  check: { case: "http" as const, value: { port: 80, path: "/health" } },
  interval: durationFromMs(1_000),
  timeout: durationFromMs(500),
  failureThreshold: 2,
  probeFrom: ProbeFrom.MANAGER,
};

const ports = [
  { containerPort: 80, hostPort: 32_768, hostAddress: "10.0.0.7", protocol: PortProtocol.TCP },
];
const running = { ports, containerId: "c1", message: "running", ready: true };

type Rig = Awaited<ReturnType<typeof createManagerRig>>;

/** A manager that probes; `answer` is what the task says. */
async function probing(given: { rig?: Rig; clock?: ReturnType<typeof createManualClock> } = {}) {
  const clock = given.clock ?? createManualClock();
  const rig = given.rig ?? (await createManagerRig({ clock }));
  const { ledger, workers, observer, random, log } = rig;
  const asked: NetworkQuestion[] = [];
  const script: { answer: CheckResult } = { answer: passed };
  const ask = async (question: NetworkQuestion) => {
    asked.push(question);
    return script.answer;
  };
  const life = new AbortController();
  lives.push(life);
  const over = runProber({ ledger, workers, observer, ask, clock, random, log }, life.signal);
  workers.setPresence(aPresence("w1"));
  workers.setLinked("w1", true);
  return { ...rig, clock, asked, script, life, over };
}

type Probing = Awaited<ReturnType<typeof probing>>;

async function submitted(rig: Probing, probes: object): Promise<string> {
  const spec = {
    image: "web:1",
    ports: [{ containerPort: 80 }],
    restartPolicy: { mode: RestartMode.ALWAYS },
    ...probes,
  };
  const { task } = await rig.client.submitTask({ spec });
  const pending = rig.ledger.tasks.get(task?.id ?? "");
  if (!pending) throw new Error("the task was not submitted");
  const placement = create(PlacementSchema, { workerId: "w1", scheduler: "spread" });
  await rig.ledger.commit([schedule(pending, placement, rig.clock.now())]);
  return pending.id;
}

function report(
  rig: Probing,
  id: string,
  state: TaskState,
  init: Omit<MessageInitShape<typeof AttemptStatusSchema>, "$typeName"> = {},
): void {
  rig.observer.report(aReport(id, state, { ...running, ...init }));
}

const taskOf = ({ ledger }: Pick<Probing, "ledger">, id: string): Task => {
  const task = ledger.tasks.get(id);
  if (!task) throw new Error(`there is no task ${id}`);
  return task;
};
const statusOf = (rig: Pick<Probing, "ledger">, id: string) => taskOf(rig, id).attempt?.status;

describe("a probe that the manager asks", () => {
  test("goes to the published port, and its result into the ledger", async () => {
    const rig = await probing();
    const id = await submitted(rig, { livenessProbe: byManager });
    report(rig, id, TaskState.RUNNING);
    expect(statusOf(rig, id)).toMatchObject({ health: Health.STARTING, ready: true });
    await rig.clock.advance(1_000);
    expect(rig.asked[0]).toMatchObject({
      kind: "http",
      host: "10.0.0.7",
      port: 32_768,
      path: "/health",
      statuses: [200],
    });
    expect(statusOf(rig, id)?.health).toBe(Health.HEALTHY);
  });

  test("that fails for good ends the attempt as UNHEALTHY, and the policy follows", async () => {
    const rig = await probing();
    const id = await submitted(rig, { livenessProbe: byManager });
    report(rig, id, TaskState.RUNNING);
    rig.script.answer = failed("HTTP status 500");
    await rig.clock.advance(5_000);
    const message = "liveness probe: HTTP status 500";
    expect(statusOf(rig, id)).toMatchObject({ health: Health.UNHEALTHY, probeMessage: message });
    const count = rig.asked.length;
    await rig.clock.advance(60_000);
    expect(rig.asked).toHaveLength(count);

    report(rig, id, TaskState.STOPPED, { exitCode: 0 });
    const task = taskOf(rig, id);
    expect(task).toMatchObject({ state: TaskState.PENDING, attempt: { number: 2 } });
    const failure = { reason: FailureReason.UNHEALTHY, message };
    expect(task.pastAttempts[0]?.status).toMatchObject({ state: TaskState.FAILED, failure });
  });

  test("says nothing while there is no link to the worker", async () => {
    const rig = await probing();
    const id = await submitted(rig, { livenessProbe: byManager });
    report(rig, id, TaskState.RUNNING);
    await rig.clock.advance(2_000);
    rig.workers.setLinked("w1", false);
    rig.script.answer = failed("no route");
    const count = rig.asked.length;
    await rig.clock.advance(60_000);
    expect(rig.asked).toHaveLength(count);
    expect(statusOf(rig, id)?.health).toBe(Health.HEALTHY);
  });

  test("of the readiness makes ready only together with what the worker asks", async () => {
    const rig = await probing();
    const livenessProbe = { ...byManager, probeFrom: ProbeFrom.WORKER };
    const id = await submitted(rig, { readinessProbe: byManager, livenessProbe });
    report(rig, id, TaskState.RUNNING, { health: Health.HEALTHY });
    expect(statusOf(rig, id)).toMatchObject({ health: Health.HEALTHY, ready: false });
    await rig.clock.advance(1_000);
    expect(statusOf(rig, id)).toMatchObject({ health: Health.HEALTHY, ready: true });
    rig.script.answer = failed("busy");
    await rig.clock.advance(5_000);
    expect(statusOf(rig, id)).toMatchObject({ health: Health.HEALTHY, ready: false });
    report(rig, id, TaskState.RUNNING, { health: Health.HEALTHY, probeMessage: "a" });
    expect(statusOf(rig, id)?.ready).toBe(false);
  });

  test("waits until the worker has seen the container start up", async () => {
    const rig = await probing();
    const startupProbe = { ...byManager, probeFrom: ProbeFrom.WORKER };
    const id = await submitted(rig, { startupProbe, livenessProbe: byManager });
    report(rig, id, TaskState.RUNNING, { health: Health.STARTING, ready: false });
    await rig.clock.advance(10_000);
    expect(rig.asked).toEqual([]);
    report(rig, id, TaskState.RUNNING, { health: Health.HEALTHY });
    await rig.clock.advance(2_000);
    expect(statusOf(rig, id)).toMatchObject({ health: Health.HEALTHY, ready: true });
  });

  test("ends with the attempt, and with the manager, and leaves no timer", async () => {
    const rig = await probing();
    const idle = rig.clock.sleeperCount;
    const ids = [
      await submitted(rig, { livenessProbe: byManager }),
      await submitted(rig, { readinessProbe: byManager }),
    ];
    for (const id of ids) report(rig, id, TaskState.RUNNING);
    await rig.clock.advance(10_000);
    report(rig, ids[0] ?? "", TaskState.FAILED);
    await rig.clock.advance(0);
    rig.life.abort();
    await rig.over;
    await rig.clock.advance(0);
    expect(rig.clock.sleeperCount).toBe(idle);
  });

  test("is asked on by the next manager, which takes a healthy task for healthy", async () => {
    const first = await probing();
    const id = await submitted(first, {
      livenessProbe: { ...byManager, startPeriod: durationFromMs(3_600_000) },
    });
    report(first, id, TaskState.RUNNING);
    await first.clock.advance(2_000);
    first.life.abort();
    await first.ledger.settled();
    const { clock, store } = first;
    const rig = await probing({ clock, rig: await createManagerRig({ clock, store }) });
    report(rig, id, TaskState.RUNNING);
    expect(statusOf(rig, id)?.health).toBe(Health.HEALTHY);
    rig.script.answer = failed("gone");
    await clock.advance(5_000);
    expect(statusOf(rig, id)?.health).toBe(Health.UNHEALTHY);
  });
});
