import type { MessageInitShape } from "@bufbuild/protobuf";
import { type Client, Code, ConnectError } from "@connectrpc/connect";
import type { ManagerService } from "../../gen/berth/v1/manager_service_pb.ts";
import { DesiredState, type Task, type TaskSpecSchema } from "../../gen/berth/v1/task_pb.ts";
import type { Clock } from "../../lib/clock.ts";

/** A task that a user knows of, and what they last had confirmed. */
export type Wish = {
  readonly taskId: string;
  readonly image: string;
  /** How far the task was asked to go. */
  desired: DesiredState;
  /** Whether its container was ended or removed behind everybody's back. */
  isTampered: boolean;
};

/** Somebody who repeats every call until it is answered, with the same request ID. */
export interface User {
  readonly wishes: ReadonlyMap<string, Wish>;
  readonly complaints: readonly string[];
  /** Submits one task by `calls` calls at once, as a client does that is not sure of its own. */
  submit(spec: MessageInitShape<typeof TaskSpecSchema>, calls?: number): Promise<Wish>;
  stop(taskId: string): Promise<void>;
  /** Without force, a task that has not ended stays. */
  remove(taskId: string, force: boolean): Promise<void>;
}

const RETRY_MS = 200;
const TRIES_MAX = 500;

const RETRIED = [Code.Unavailable, Code.DeadlineExceeded, Code.Canceled, Code.Aborted];

const isRetried = (error: unknown): boolean => RETRIED.includes(ConnectError.from(error).code);

export function createUser(client: Client<typeof ManagerService>, clock: Clock): User {
  const wishes = new Map<string, Wish>();
  const complaints: string[] = [];
  /** Removals that were asked for, answered or not. */
  const removals: string[] = [];
  let serial = 0;
  const nextRequestId = () => `request-${++serial}`;

  async function insist<T>(call: () => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return await call();
      } catch (error) {
        if (tries === TRIES_MAX || !isRetried(error)) throw error;
        await clock.sleep(RETRY_MS);
      }
    }
  }

  function raise(taskId: string, desired: DesiredState): void {
    const wish = wishes.get(taskId);
    if (wish && wish.desired < desired) wish.desired = desired;
  }

  /** A plain "no" that is right in the case at hand is no complaint. */
  function judge(what: string, taskId: string, error: unknown): void {
    const { code, message } = ConnectError.from(error);
    const others = removals.filter((id) => id === taskId).length - (what === "remove" ? 1 : 0);
    if (code === Code.NotFound && others > 0) return;
    if (what === "remove" && code === Code.FailedPrecondition) return;
    complaints.push(`${what} of ${taskId}: ${message}`);
  }

  return {
    ...{ wishes, complaints },
    async submit(spec, calls = 1) {
      const request = { spec, requestId: nextRequestId() };
      const call = () => client.submitTask(request);
      const answers = await Promise.all(Array.from({ length: calls }, () => insist(call)));
      const tasks = answers.flatMap(({ task }) => (task ? [task] : []));
      const taskId = sameId(tasks, complaints);
      const image = spec.image ?? "";
      const wish = { taskId, image, desired: DesiredState.RUN, isTampered: false };
      wishes.set(taskId, wish);
      return wish;
    },
    async stop(taskId) {
      raise(taskId, DesiredState.STOP);
      const request = { taskId, requestId: nextRequestId() };
      await insist(() => client.stopTask(request)).catch((error: unknown) =>
        judge("stop", taskId, error),
      );
    },
    async remove(taskId, force) {
      const request = { taskId, force, requestId: nextRequestId() };
      removals.push(taskId);
      if (force) raise(taskId, DesiredState.REMOVE);
      await insist(() => client.removeTask(request)).then(
        () => raise(taskId, DesiredState.REMOVE),
        (error: unknown) => judge("remove", taskId, error),
      );
    },
  };
}

function sameId(tasks: readonly Task[], complaints: string[]): string {
  const ids = new Set(tasks.map(({ id }) => id));
  if (ids.size !== 1) complaints.push(`one request made several tasks: ${[...ids].join(", ")}`);
  const [id = ""] = ids;
  return id;
}
