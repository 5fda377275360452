import type { Client } from "@connectrpc/connect";
import type {
  ListTasksResponse,
  ManagerService,
  TaskChange,
  WatchTasksResponse,
} from "../gen/berth/v1/manager_service_pb.ts";
import type { Task } from "../gen/berth/v1/task_pb.ts";
import type { Clock } from "../lib/clock.ts";
import { reasonOf } from "../lib/errors.ts";
import type { Log } from "../lib/log.ts";
import type { Complain } from "./complain.ts";

/** A client that keeps a copy of all tasks by watching, over every break of its watch. */
export interface Follower {
  readonly tasks: ReadonlyMap<string, Task>;
  /** Begins; never ends. To be called within its process. */
  begin(): void;
}

type Deps = Readonly<{
  client: Client<typeof ManagerService>;
  clock: Clock;
  complain: Complain;
  log: Log;
}>;

const RETRY_MS = 500;

/** A watch gives a sign of life every few seconds: one that does not is as good as broken. */
const SILENCE_MS_MAX = 20_000;

export function createFollower({ client, clock, complain, log }: Deps): Follower {
  const copy = createCopy(complain);

  async function relist(): Promise<void> {
    copy.replace(await client.listTasks({ pageSize: 1_000 }));
  }

  async function watchOnce(): Promise<void> {
    const silent = new AbortController();
    let heardMs = clock.monotonic();
    void watchSilence(() => heardMs, silent);
    const revision = copy.revision();
    const request = revision === undefined ? {} : { afterRevision: revision };
    try {
      for await (const message of client.watchTasks(request, { signal: silent.signal })) {
        heardMs = clock.monotonic();
        copy.take(message);
      }
    } finally {
      silent.abort("the watch is over");
    }
  }

  async function watchSilence(heardMs: () => number, silent: AbortController): Promise<void> {
    while (!silent.signal.aborted) {
      await clock.sleep(SILENCE_MS_MAX / 4, silent.signal);
      if (clock.monotonic() - heardMs() > SILENCE_MS_MAX) silent.abort("nothing was heard");
    }
  }

  async function watchAgain(): Promise<void> {
    try {
      await watchOnce();
    } catch (err) {
      log.debug({ err }, "watch broke");
      if (reasonOf(err) === "COMPACTED") await relist();
    }
  }

  async function run(): Promise<never> {
    for (;;) {
      await watchAgain().catch((err: unknown) => log.debug({ err }, "tasks not listed"));
      await clock.sleep(RETRY_MS);
    }
  }

  return { tasks: copy.tasks, begin: () => void run() };
}

/** Tasks as a stream of changes tells of them. */
function createCopy(complain: Complain) {
  const tasks = new Map<string, Task>();
  /** The revision of the ledger that has been reached. */
  let revision: bigint | undefined;

  /** Of all tasks every change must come, so numbers have no gaps. */
  function countOn(next: bigint): void {
    if (revision !== undefined && next !== revision + 1n)
      complain("watch", `after revision ${revision} came ${next}`);
    revision = next;
  }

  function takeChange({ task, event, removed }: TaskChange): void {
    if (!task) return void complain("watch", "a change came without its task");
    if (event) countOn(event.revision);
    if (removed) tasks.delete(task.id);
    else tasks.set(task.id, task);
  }

  return {
    tasks,
    revision: () => revision,
    take({ changes, revision: reached }: WatchTasksResponse): void {
      changes.forEach(takeChange);
      if (revision !== undefined && reached < revision)
        complain(
          "watch",
          `revision ${revision} was reached, and the stream goes back to ${reached}`,
        );
      revision = reached;
    },
    replace(page: ListTasksResponse): void {
      tasks.clear();
      for (const task of page.tasks) tasks.set(task.id, task);
      revision = page.revision;
    },
  };
}
