import { ManagerService } from "../gen/berth/v1/manager_service_pb.ts";
import { NetworkMode, TaskState } from "../gen/berth/v1/task_pb.ts";
import { systemClock } from "../lib/clock.ts";
import { silentLog } from "../lib/log.ts";
import { openChannel } from "../lib/rpc/channel.ts";
import { createClient } from "../lib/rpc/client.ts";
import type { BerthProcess } from "./berth-process.ts";
import type { Contender, Network, StartTimes } from "./contender.ts";
import { nowMs } from "./engine.ts";
import type { EventBoard } from "./event-board.ts";

type Deps = Readonly<{ board: EventBoard; berth: BerthProcess; image: string }>;

const NETWORKS = { host: NetworkMode.HOST, bridge: NetworkMode.BRIDGE } as const;

/** Berth, as a user meets it: one process, the embedded store, every call over gRPC. */
export async function createBerthContender({ board, berth, image }: Deps): Promise<Contender> {
  const channel = openChannel({
    address: berth.managerAddress,
    clock: systemClock,
    log: silentLog,
  });
  const client = createClient(ManagerService, channel);
  const sightings = watchRunning();
  await sightings.ready;

  const specOf = (network: Network) => ({
    image,
    command: ["sleep", "3600"],
    networkMode: NETWORKS[network],
    stopGrace: { seconds: 0n },
  });
  const isOf =
    (ids: ReadonlySet<string>) =>
    ({ labels }: { labels: Readonly<Record<string, string>> }) =>
      ids.has(labels["dev.berth.task"] ?? "");

  /** When this client was told that a task runs, as it was told: by the stream of changes. */
  function watchRunning() {
    const seen = new Map<string, number>();
    const waiting = new Map<string, (timeMs: number) => void>();
    let greet: () => void = () => undefined;
    const ready = new Promise<void>((resolve) => {
      greet = resolve;
    });
    const control = new AbortController();
    const run = async () => {
      for await (const { changes } of client.watchTasks({}, { signal: control.signal })) {
        greet();
        for (const { task } of changes) {
          if (!task || task.state !== TaskState.RUNNING || seen.has(task.id)) continue;
          seen.set(task.id, nowMs());
          waiting.get(task.id)?.(nowMs());
        }
      }
    };
    const ended = run().catch((error: unknown) => {
      if (!control.signal.aborted) throw error;
    });
    return {
      ready,
      of: (id: string) =>
        new Promise<number>((resolve) => {
          const timeMs = seen.get(id);
          if (timeMs === undefined) waiting.set(id, resolve);
          else resolve(timeMs);
        }),
      async stop() {
        control.abort();
        await ended;
      },
    };
  }

  async function remove(ids: ReadonlySet<string>): Promise<void> {
    await Promise.all(
      [...ids].map((taskId) => client.removeTask({ taskId, force: true }, { timeoutMs: 60_000 })),
    );
    await board.collect("destroy", isOf(ids), ids.size);
  }

  return {
    name: "Berth",
    async startOne(network): Promise<StartTimes> {
      const askedMs = nowMs();
      const { task } = await client.submitTask({ spec: specOf(network), omitFieldReport: true });
      const ids = new Set([task?.id ?? ""]);
      const visibleMs = await sightings.of(task?.id ?? "");
      const [created] = await board.collect("create", isOf(ids), 1);
      await remove(ids);
      return { askedMs, createdMs: created?.timeMs ?? Number.NaN, visibleMs };
    },
    async startMany(network, count) {
      const askedMs = nowMs();
      const requests = Array.from({ length: count }, () => ({
        spec: specOf(network),
        omitFieldReport: true,
      }));
      const { results } = await client.submitTasks({ requests });
      const ids = new Set(
        results.map(({ outcome }) => (outcome.case === "task" ? outcome.value.id : "")),
      );
      const events = await board.collect("start", isOf(ids), count);
      await remove(ids);
      return { askedMs, lastStartedMs: Math.max(...events.map(({ timeMs }) => timeMs)) };
    },
    async close() {
      await sightings.stop();
      channel.close();
    },
  };
}
