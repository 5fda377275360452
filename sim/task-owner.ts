import { fromJson } from "@bufbuild/protobuf";
import { type Client, Code, ConnectError } from "@connectrpc/connect";
import type { ManagerService } from "../gen/berth/v1/manager_service_pb.ts";
import { DesiredState, type Task, TaskSpecSchema } from "../gen/berth/v1/task_pb.ts";
import type { Clock } from "../lib/clock.ts";
import { type Insistence, RETRY_MS } from "./insist.ts";
import type { UserStep } from "./plan.ts";
import { ask, type ChangeStep, confirm, createWish, type SubmitStep, type Wish } from "./wish.ts";

/** Those who have tasks run, stopped and removed. */
export interface TaskOwner {
  readonly wishes: ReadonlyMap<string, Wish>;
  submit(step: SubmitStep): Promise<void>;
  change(step: ChangeStep): Promise<void>;
}

type Deps = Readonly<{
  client: Client<typeof ManagerService>;
  clock: Clock;
  insist: Insistence["insist"];
  /** A number that no other request has. */
  nextSerial: () => number;
  /** Hears what a user was told, when they were told it. */
  onConfirmed: (wish: Wish, task: Task | undefined) => void;
  /** What they do once they were told it. */
  readBack: (wish: Wish) => Promise<void>;
  onComplaint: (text: string) => void;
}>;

export function createTaskOwner(deps: Deps): TaskOwner {
  const { client, clock, insist, nextSerial, onConfirmed, readBack, onComplaint } = deps;
  const wishes = new Map<string, Wish>();

  function judge(step: UserStep, wish: Wish, cause: unknown): void {
    const error = ConnectError.from(cause);
    if (!isRight(error, step, wish))
      onComplaint(`${step.do} of ${wish.name} was refused: ${error.message}`);
  }

  async function submit(step: SubmitStep): Promise<void> {
    const { task: name, calls = 1, againMs } = step;
    const wish = createWish(name);
    wishes.set(name, wish);
    const spec = fromJson(TaskSpecSchema, { ...step.spec, name });
    const request = { spec, requestId: `submit-${name}` };
    const once = async () => {
      const { task } = await insist(`submit ${name}`, () => client.submitTask(request));
      if (wish.taskId !== undefined && wish.taskId !== task?.id)
        onComplaint(`request ${request.requestId} made ${wish.taskId} and ${task?.id}`);
      wish.taskId = task?.id;
      confirm(wish, step);
      onConfirmed(wish, task);
      await readBack(wish);
    };
    // Who asks again after the task was removed is told that it is not there.
    const orGone = (error: unknown) => judge(step, wish, error);
    await Promise.all(Array.from({ length: calls }, () => once().catch(orGone)));
    if (againMs === undefined) return;
    await clock.sleep(againMs);
    await once().catch(orGone);
  }

  async function change(step: ChangeStep): Promise<void> {
    const wish = wishes.get(step.task);
    if (!wish) return;
    // Who has no answer yet has no ID: they wait for it.
    while (wish.taskId === undefined) await clock.sleep(RETRY_MS);
    ask(wish, step);
    const request = { taskId: wish.taskId, requestId: `${step.do}-${nextSerial()}` };
    const call = (): Promise<{ task?: Task | undefined }> =>
      step.do === "stop"
        ? client.stopTask(request)
        : client.removeTask({ ...request, force: step.force ?? false });
    try {
      const { task } = await insist(`${step.do} ${step.task}`, call);
      confirm(wish, step);
      onConfirmed(wish, task);
      await readBack(wish);
    } catch (error) {
      judge(step, wish, error);
    }
  }

  return { wishes, submit, change };
}

/** Whether a "no" is right in the case at hand. */
function isRight(error: ConnectError, step: UserStep, wish: Wish): boolean {
  const { code } = error;
  if (code === Code.NotFound) return wish.mayBeRemoved || wish.asked === DesiredState.REMOVE;
  return code === Code.FailedPrecondition && step.do === "remove" && !step.force;
}
