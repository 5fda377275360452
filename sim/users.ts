import { type Client, Code, ConnectError, type Transport } from "@connectrpc/connect";
import { ManagerService } from "../gen/berth/v1/manager_service_pb.ts";
import type { Task } from "../gen/berth/v1/task_pb.ts";
import { WorkerAvailability } from "../gen/berth/v1/worker_pb.ts";
import { assert } from "../lib/assert.ts";
import type { Clock } from "../lib/clock.ts";
import type { Channel } from "../lib/rpc/channel.ts";
import { createClient } from "../lib/rpc/client.ts";
import type { Complain } from "./complain.ts";
import { createInsistence, type Insistence } from "./insist.ts";
import { managerAddress } from "./managers.ts";
import type { OperatorStep, UserStep } from "./plan.ts";
import { createReadBack } from "./read-back.ts";
import { createTaskOwner, type TaskOwner } from "./task-owner.ts";
import { createClock, createProcess, type Process } from "./virtual-clock.ts";
import type { Wish } from "./wish.ts";
import type { World } from "./world.ts";

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
  complain: Complain;
}>;

export function createUsers({ world, onConfirmed, onComplaint, complain }: Options): Users {
  const process = createProcess("user");
  const clock = createClock(world.time, process);
  const wire = world.ether.wireOf("user", process);
  const log = world.trace.logOf("user");
  const connect = () =>
    inTurn(
      world.managers.map((name) => wire.connect({ address: managerAddress(name), clock, log })),
    );
  const client = createClient(ManagerService, connect());
  const watchingClient = createClient(ManagerService, connect());
  const { insist, pendingCount } = createInsistence(clock, world.trace);
  let serial = 0;
  const calls = { client, insist, nextSerial: () => ++serial };
  // One alone has but one copy of anything.
  const readBack =
    world.managers.length > 1 ? createReadBack({ client, complain }) : async () => undefined;
  const owner = createTaskOwner({ ...calls, clock, onConfirmed, readBack, onComplaint });
  const operate = createOperator(calls);

  function begin(step: UserStep | OperatorStep): void {
    const fail = (error: unknown) => onComplaint(`${JSON.stringify(step)}: ${error}`);
    const act = () => void carryOut(step, owner, operate).catch(fail);
    world.time.schedule(process, 0, act);
  }

  return { process, clock, client, watchingClient, wishes: owner.wishes, pendingCount, begin };
}

/** Asks one after the other: whoever holds several addresses may ask any. */
function inTurn(channels: readonly Channel[]): Transport {
  let serial = 0;
  const next = (): Channel => {
    const channel = channels[serial++ % channels.length];
    assert(channel, "there is a manager");
    return channel;
  };
  return {
    unary: (...call) => next().unary(...call),
    stream: (...call) => next().stream(...call),
  };
}

type Operate = (step: OperatorStep) => Promise<void>;

function carryOut(
  step: UserStep | OperatorStep,
  owner: TaskOwner,
  operate: Operate,
): Promise<void> {
  switch (step.do) {
    case "submit":
      return owner.submit(step);
    case "stop":
    case "remove":
      return owner.change(step);
    case "set-availability":
    case "rebalance":
      return operate(step);
  }
}

type OperatorDeps = Readonly<{
  client: Client<typeof ManagerService>;
  insist: Insistence["insist"];
  nextSerial: () => number;
}>;

function createOperator({ client, insist, nextSerial }: OperatorDeps): Operate {
  return async (step) => {
    const requestId = `operator-${nextSerial()}`;
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
  };
}
