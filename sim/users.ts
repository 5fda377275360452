import { fromJson } from "@bufbuild/protobuf";
import { type Client, Code, ConnectError } from "@connectrpc/connect";
import { ManagerService } from "../gen/berth/v1/manager_service_pb.ts";
import { DesiredState, type Task, TaskSpecSchema } from "../gen/berth/v1/task_pb.ts";
import { WorkerAvailability } from "../gen/berth/v1/worker_pb.ts";
import type { Clock } from "../lib/clock.ts";
import { createClient } from "../lib/rpc/client.ts";
import type { OperatorStep, UserStep } from "./plan.ts";
import { createClock, createProcess, type Process } from "./virtual-clock.ts";
import { ADDRESSES, type World } from "./world.ts";

/** What a user wants of a task, and what was confirmed to them. */
export type Wish = {
  /** The task's name in the plan and in its spec. */
  readonly name: string;
  /** Undefined until the submission was confirmed. */
  taskId: string | undefined;
  /** The furthest that was asked for, whether or not it was confirmed. */
  asked: DesiredState;
  /** The furthest that was confirmed. */
  confirmed: DesiredState;
  /** Whether a removal without force was asked for, which happens only to what has ended. */
  mayBeRemoved: boolean;
};

/** Users who repeat every call until they have an answer, always with the same request ID. */
export interface Users {
  readonly process: Process;
  readonly clock: Clock;
  readonly client: Client<typeof ManagerService>;
  /** Another one, over a connection of its own. */
  readonly watchingClient: Client<typeof ManagerService>;
  readonly wishes: ReadonlyMap<string, Wish>;
  /** How many calls have not been answered for good. */
  pendingCount(): number;
  /** Begins what a step of the plan says. */
  begin(step: UserStep | OperatorStep): void;
}

type Options = Readonly<{
  world: World;
  /** Hears what a user was told, when they were told it. */
  onConfirmed: (wish: Wish, task: Task | undefined) => void;
  onComplaint: (text: string) => void;
}>;

const RETRY_MS = 300;

/** Answers after which the same call is made again. */
const RETRIED = [Code.Unavailable, Code.DeadlineExceeded, Code.Canceled, Code.Aborted];

export function createUsers({ world, onConfirmed, onComplaint }: Options): Users {
  const process = createProcess("user");
  const clock = createClock(world.time, process);
  const wire = world.ether.wireOf("user", process);
  const log = world.trace.logOf("user");
  const connect = () => wire.connect({ address: ADDRESSES.manager, clock, log });
  const client = createClient(ManagerService, connect());
  const watchingClient = createClient(ManagerService, connect());
  const wishes = new Map<string, Wish>();
  let pending = 0;
  let serial = 0;

  /** Makes a call until it is answered, and hands over the answer. */
  async function insist<T>(what: string, call: () => Promise<T>): Promise<T> {
    pending++;
    try {
      for (;;) {
        try {
          const answer = await call();
          world.trace.note("user", `${what}: done`);
          return answer;
        } catch (error) {
          const { code, message } = ConnectError.from(error);
          world.trace.note("user", `${what}: ${message}`);
          if (!RETRIED.includes(code)) throw error;
          await clock.sleep(RETRY_MS);
        }
      }
    } finally {
      pending--;
    }
  }

  async function submit(step: Extract<UserStep, { do: "submit" }>): Promise<void> {
    const { task: name, calls = 1 } = step;
    const wish: Wish = {
      name,
      taskId: undefined,
      asked: DesiredState.RUN,
      confirmed: DesiredState.UNSPECIFIED,
      mayBeRemoved: false,
    };
    wishes.set(name, wish);
    const spec = fromJson(TaskSpecSchema, { ...step.spec, name });
    const request = { spec, requestId: `submit-${name}` };
    const once = async () => {
      const { task } = await insist(`submit ${name}`, () => client.submitTask(request));
      if (wish.taskId !== undefined && wish.taskId !== task?.id)
        onComplaint(`request ${request.requestId} made ${wish.taskId} and ${task?.id}`);
      wish.taskId = task?.id;
      confirm(wish, DesiredState.RUN, task);
    };
    // Who asks again after the task was removed is told that it is not there.
    const orGone = (error: unknown) => judge(step, wish, error);
    await Promise.all(Array.from({ length: calls }, () => once().catch(orGone)));
  }

  function confirm(wish: Wish, desired: DesiredState, task: Task | undefined): void {
    if (wish.confirmed < desired) wish.confirmed = desired;
    onConfirmed(wish, task);
  }

  async function change(step: Exclude<UserStep, { do: "submit" }>): Promise<void> {
    const wish = wishes.get(step.task);
    if (!wish) return;
    // Who has no answer yet has no ID: they wait for it.
    while (wish.taskId === undefined) await clock.sleep(RETRY_MS);
    const { taskId } = wish;
    const force = step.do === "remove" && (step.force ?? false);
    const desired = step.do === "stop" ? DesiredState.STOP : DesiredState.REMOVE;
    if (step.do === "remove" && !force) wish.mayBeRemoved = true;
    else if (wish.asked < desired) wish.asked = desired;
    const requestId = `${step.do}-${++serial}`;
    const call = (): Promise<{ task?: Task | undefined }> =>
      step.do === "stop"
        ? client.stopTask({ taskId, requestId })
        : client.removeTask({ taskId, requestId, force });
    try {
      const { task } = await insist(`${step.do} ${step.task}`, call);
      if (wish.asked < desired) wish.asked = desired;
      confirm(wish, desired, task);
    } catch (error) {
      judge(step, wish, error);
    }
  }

  /** A "no" that is right in the case at hand is no complaint. */
  function judge(step: UserStep, wish: Wish, error: unknown): void {
    const { code, message } = ConnectError.from(error);
    const mayBeGone = wish.mayBeRemoved || wish.asked === DesiredState.REMOVE;
    if (code === Code.NotFound && mayBeGone) return;
    if (code === Code.FailedPrecondition && step.do === "remove" && !step.force) return;
    onComplaint(`${step.do} of ${wish.name} was refused: ${message}`);
  }

  async function operate(step: OperatorStep): Promise<void> {
    const requestId = `operator-${++serial}`;
    if (step.do === "rebalance") {
      await insist("rebalance", () => client.rebalanceTasks({ requestId }));
      return;
    }
    const { worker: workerId, to } = step;
    const settings = { availability: WorkerAvailability[to] };
    const updateMask = { paths: ["availability"] };
    const request = { workerId, settings, updateMask, requestId };
    await insist(`${to} ${workerId}`, () => client.updateWorker(request)).catch(
      (error: unknown) => {
        // Nobody has heard of the worker yet.
        if (ConnectError.from(error).code !== Code.NotFound) throw error;
      },
    );
  }

  function carryOut(step: UserStep | OperatorStep): Promise<void> {
    switch (step.do) {
      case "submit":
        return submit(step);
      case "stop":
      case "remove":
        return change(step);
      case "set-availability":
      case "rebalance":
        return operate(step);
    }
  }

  function begin(step: UserStep | OperatorStep): void {
    const complain = (error: unknown) => onComplaint(`${JSON.stringify(step)}: ${error}`);
    world.time.schedule(process, 0, () => void carryOut(step).catch(complain));
  }

  return { process, clock, client, watchingClient, wishes, pendingCount: () => pending, begin };
}
