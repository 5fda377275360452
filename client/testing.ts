import {
  type ConnectError,
  createRouterTransport,
  type HandlerContext,
  type ServiceImpl,
} from "@connectrpc/connect";
import { ManagerService, type WatchTasksRequest } from "../gen/berth/v1/manager_service_pb.ts";
import { TaskState } from "../gen/berth/v1/task_pb.ts";
import { unavailable } from "../lib/errors.ts";
import type { ManualClock } from "../lib/manual-clock.ts";
import { createSeededRandom } from "../lib/random.ts";
import type { Patience } from "./options.ts";
import { createServers, type Server } from "./servers.ts";

const patience: Patience = { callMs: 1_000, retryMs: 30_000, silenceMs: 15_000 };

/** What a manager does with a call. A stream that comes to `HANG` says nothing more, nor ends. */
export type Script = Partial<ServiceImpl<typeof ManagerService>>;

export const HANG = new Promise<never>(() => undefined);

/** Managers in memory, by name. */
export function openServers(scripts: Readonly<Record<string, Script>>) {
  const all = Object.entries(scripts).map(
    ([baseUrl, script]): Server => ({
      baseUrl,
      transport: createRouterTransport((router) => router.service(ManagerService, script)),
    }),
  );
  return createServers(all);
}

export const depsOf = (clock: ManualClock) => ({ clock, random: createSeededRandom(1), patience });

/** What a manager does with one watch after another; with more than that it is away. */
export function watching(
  ...turns: readonly ((context: HandlerContext) => AsyncIterable<object> | Iterable<object>)[]
) {
  const asked: (bigint | undefined)[] = [];
  const script: Script = {
    async *watchTasks({ afterRevision }: WatchTasksRequest, context) {
      const turn = turns[asked.length];
      asked.push(afterRevision);
      if (!turn) throw away();
      yield* turn(context);
    },
  };
  return { script, asked };
}

export const away = (): ConnectError => unavailable("DRAINING", "the manager is away");

export const aTask = (id: string, state = TaskState.RUNNING) => ({ task: { id, state } });

export const aChange = (revision: bigint, id = "t1") => ({
  changes: [{ ...aTask(id), event: { revision } }],
  revision,
});
