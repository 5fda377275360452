import type { Client } from "@connectrpc/connect";
import type {
  ManagerService,
  TaskChange,
  WatchTasksResponse,
} from "../../gen/berth/v1/manager_service_pb.ts";
import type { TaskEvent } from "../../gen/berth/v1/task_event_pb.ts";
import type { Task } from "../../gen/berth/v1/task_pb.ts";
import type { Clock } from "../../lib/clock.ts";
import { reasonOf } from "../../lib/errors.ts";

/** A client that keeps a copy of all tasks by watching, over every break of its watch. */
export interface Follower {
  readonly tasks: ReadonlyMap<string, Task>;
  /** Everything that was told of, in order. */
  readonly events: readonly TaskEvent[];
  /** What the stream did that it must not. */
  readonly complaints: readonly string[];
  /** How often the history it wanted to resume from was gone, so that it listed anew. */
  readonly relistCount: number;
  stop(): Promise<void>;
}

const RETRY_MS = 200;

export function followTasks(client: Client<typeof ManagerService>, clock: Clock): Follower {
  const tasks = new Map<string, Task>();
  const events: TaskEvent[] = [];
  const complaints: string[] = [];
  const left = new AbortController();
  const { signal } = left;
  let revision: bigint | undefined;
  let relistCount = 0;

  /** Of all tasks every change must come, so numbers have no gaps. */
  function takeChange({ task, event, removed }: TaskChange): void {
    if (!task) return void complaints.push("a change without a task");
    if (event) {
      if (revision !== undefined && event.revision !== revision + 1n)
        complaints.push(`after revision ${revision} came ${event.revision}`);
      if (task.revision !== event.revision)
        complaints.push(`event ${event.revision} came with the task of ${task.revision}`);
      revision = event.revision;
      events.push(event);
    }
    if (removed) tasks.delete(task.id);
    else tasks.set(task.id, task);
  }

  function take({ changes, revision: reached }: WatchTasksResponse): void {
    changes.forEach(takeChange);
    if (revision !== undefined && reached !== revision)
      complaints.push(`revision ${revision} was reached, and the stream says ${reached}`);
    revision = reached;
  }

  async function relist(): Promise<void> {
    const page = await client.listTasks({ pageSize: 1_000 }, { signal });
    tasks.clear();
    for (const task of page.tasks) tasks.set(task.id, task);
    revision = page.revision;
    relistCount++;
  }

  async function watchOnce(): Promise<void> {
    const request = revision === undefined ? {} : { afterRevision: revision };
    for await (const message of client.watchTasks(request, { signal })) take(message);
  }

  async function run(): Promise<void> {
    while (!signal.aborted) {
      try {
        await watchOnce();
      } catch (error) {
        if (reasonOf(error) === "COMPACTED") revision = await relist().then(() => revision, giveUp);
      }
      await clock.sleep(RETRY_MS, signal);
    }
  }

  /** The next watch says again that the history is gone. */
  const giveUp = () => revision;

  const ended = run();
  return {
    ...{ tasks, events, complaints },
    get relistCount() {
      return relistCount;
    },
    stop() {
      left.abort();
      return ended;
    },
  };
}
