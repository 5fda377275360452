import { ConnectError } from "@connectrpc/connect";
import { RestartMode, TaskState } from "../../../gen/berth/v1/task_pb.ts";
import { aReport, GIB } from "../../../test/builders.ts";
import { createPlacementRig, memory } from "./placement-rig.ts";

/** A task that is restarted, and reserves so much memory. */
export const specOf = (gib: number, name = "web") => ({
  image: "busybox:1",
  name,
  ...memory(gib),
  restartPolicy: { mode: RestartMode.ALWAYS },
});

export const submitStep = (gib: number, name?: string) =>
  ({ step: { case: "submit", value: { spec: specOf(gib, name) } } }) as const;

export const drainStep = (workerId: string) =>
  ({ step: { case: "drain", value: { workerId } } }) as const;

export const loseStep = (workerId: string) =>
  ({ step: { case: "lose", value: { workerId } } }) as const;

/** Workers of 4 cores and so much memory. */
export const addStep = (gib: number, count = 1) =>
  ({
    step: {
      case: "add",
      value: { capacity: { cpuMillis: 4000n, memoryBytes: BigInt(gib * GIB) }, count },
    },
  }) as const;

/** A manager whose scheduler loop runs, that is asked for plans. */
export async function createPlanRig(options: Parameters<typeof createPlacementRig>[0] = {}) {
  const rig = await createPlacementRig(options);
  const { client, ledger, submit, observer } = rig;
  return {
    ...rig,
    plan: (...steps: Parameters<typeof client.planTasks>[0]["steps"] & object) =>
      client.planTasks({ steps }),
    /** A task that runs where it was placed. */
    async run(gib: number, name: string) {
      const id = await submit(specOf(gib, name));
      observer.report(aReport(id, TaskState.RUNNING, { containerId: "c1" }));
      return id;
    },
    workerOf: (id: string) => ledger.tasks.get(id)?.attempt?.placement?.workerId,
  };
}

/** The error that a call ends with. */
export const failureOf = async (call: Promise<unknown>) =>
  ConnectError.from(
    await call.then(
      () => new Error("the call succeeded"),
      (error: unknown) => error,
    ),
  );
