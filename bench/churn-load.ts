import { type Client, Code, ConnectError } from "@connectrpc/connect";
import type { ManagerService } from "../gen/berth/v1/manager_service_pb.ts";
import { RestartMode } from "../gen/berth/v1/task_pb.ts";

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

  async function submit(count: number): Promise<void> {
    const kinds = Array.from({ length: count }, () => kindOf(submitted++));
    const { results } = await client.submitTasks(
      { requests: kinds.map((kind) => ({ spec: specOf(kind) })) },
      { timeoutMs: 30_000 },
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
  async function sayFarewell({ taskId, farewell }: Due): Promise<void> {
    const grace = { seconds: 1n, nanos: 0 };
    const deadline = { timeoutMs: 30_000 };
    try {
      if (farewell === "stop") await client.stopTask({ taskId, grace }, deadline);
      else await client.removeTask({ taskId, force: true }, deadline);
    } catch (error) {
      if (ConnectError.from(error).code !== Code.NotFound) throw error;
    }
  }

  return {
    async step(count) {
      await Promise.all([submit(count), sayFarewells()]);
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
