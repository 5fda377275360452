import { type Client, Code, ConnectError } from "@connectrpc/connect";
import { isTerminal } from "../core/task-state.ts";
import type { ManagerService } from "../gen/berth/v1/manager_service_pb.ts";
import { RestartMode } from "../gen/berth/v1/task_pb.ts";
import { allTasks } from "../test/all-tasks.ts";

/** What a task of the churn does, and what becomes of it. */
type Kind = Readonly<{
  image: string;
  restarts: number;
  /** How long it is left alone. Undefined: for good, and it is purged once it has ended. */
  leaveMs: number | undefined;
  farewell: "stop" | "remove";
}>;

/** Taken in turn. Images are fake: their tags say how they behave. */
const KINDS: readonly Kind[] = [
  { image: "fake:after-2000", restarts: 0, leaveMs: undefined, farewell: "stop" },
  { image: "fake:1", restarts: 0, leaveMs: 5_000, farewell: "remove" },
  { image: "fake:after-1000.exit-1", restarts: 2, leaveMs: 12_000, farewell: "remove" },
  { image: "fake:pull-1500.after-3000", restarts: 0, leaveMs: undefined, farewell: "stop" },
  { image: "fake:1", restarts: 0, leaveMs: 8_000, farewell: "stop" },
  { image: "fake:ignores", restarts: 0, leaveMs: 4_000, farewell: "remove" },
  { image: "fake:missing", restarts: 0, leaveMs: undefined, farewell: "stop" },
];

const DEADLINE = { timeoutMs: 30_000 };

/** A machine that is too busy breaks connections: that is no leak. */
const isWeather = (code: Code): boolean =>
  code === Code.Unavailable || code === Code.DeadlineExceeded;

type Due = Readonly<{ atMs: number; taskId: string; farewell: Kind["farewell"] }>;

export interface Load {
  /** Submits `count` tasks, and says farewell to those whose time has come. */
  step(count: number): Promise<void>;
  readonly submittedCount: number;
}

/** A steady stream of tasks that come, run in many ways, and go. */
export function createLoad(client: Client<typeof ManagerService>): Load {
  let submitted = 0;
  let due: Due[] = [];
  /** Whether there may be tasks that nobody here knows of. */
  let isUnsure = false;

  async function submit(count: number): Promise<void> {
    const kinds = Array.from({ length: count }, () => kindOf(submitted++));
    const { results } = await client.submitTasks(
      { requests: kinds.map((kind) => ({ spec: specOf(kind) })) },
      DEADLINE,
    );
    for (const [i, { outcome }] of results.entries()) {
      const { leaveMs, farewell } = kinds[i] ?? kindOf(0);
      if (outcome.case !== "task") throw new Error(`refused: ${outcome.value?.message}`);
      if (leaveMs === undefined) continue;
      due.push({ atMs: performance.now() + leaveMs, taskId: outcome.value.id, farewell });
    }
  }

  async function sayFarewells(): Promise<void> {
    const now = performance.now();
    const over = due.filter(({ atMs }) => atMs <= now);
    due = due.filter(({ atMs }) => atMs > now);
    await Promise.all(over.map(sayFarewell));
  }

  /** On a slow machine a task that has ended may be purged before. */
  async function sayFarewell(task: Due): Promise<void> {
    const { taskId, farewell } = task;
    const grace = { seconds: 1n, nanos: 0 };
    try {
      if (farewell === "stop") await client.stopTask({ taskId, grace }, DEADLINE);
      else await client.removeTask({ taskId, force: true }, DEADLINE);
    } catch (error) {
      const { code } = ConnectError.from(error);
      if (code === Code.NotFound) return;
      if (!isWeather(code)) throw error;
      due.push(task);
    }
  }

  /** After a submission of which nobody heard the answer: what it may have left running goes. */
  async function removeUnknown(): Promise<void> {
    const known = new Set(due.map(({ taskId }) => taskId));
    for (const { id, state } of await allTasks(client, DEADLINE))
      if (!isTerminal(state) && !known.has(id))
        await sayFarewell({ atMs: 0, taskId: id, farewell: "remove" });
  }

  async function submitInAnyWeather(count: number): Promise<void> {
    try {
      if (isUnsure) await removeUnknown();
      isUnsure = false;
      await submit(count);
    } catch (error) {
      if (!isWeather(ConnectError.from(error).code)) throw error;
      isUnsure = true;
    }
  }

  return {
    async step(count) {
      await submitInAnyWeather(count);
      await sayFarewells();
    },
    get submittedCount() {
      return submitted;
    },
  };
}

const kindOf = (index: number): Kind => KINDS[index % KINDS.length] as Kind;

const specOf = ({ image, restarts }: Kind) => ({
  image,
  ...(restarts > 0 && {
    restartPolicy: { mode: RestartMode.ON_FAILURE, restartsMax: restarts },
  }),
});
