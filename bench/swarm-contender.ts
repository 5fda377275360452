import type { Contender, Network, StartTimes } from "./contender.ts";
import { type Engine, nowMs } from "./engine.ts";
import type { EventBoard } from "./event-board.ts";

type Deps = Readonly<{ engine: Engine; board: EventBoard; image: string }>;

const SERVICE_LABEL = "com.docker.swarm.service.id";

/** How often Swarm is asked whether a task runs: it has no watch for that. */
const ASK_EVERY_MS = 2;

/** Docker Swarm on the same engine: one manager that is its own worker. */
export async function createSwarmContender({ engine, board, image }: Deps): Promise<Contender> {
  await engine.post("/swarm/init", { ListenAddr: "127.0.0.1:0", AdvertiseAddr: "127.0.0.1" });

  const create = async (network: Network, replicas: number): Promise<string> => {
    const body = {
      TaskTemplate: {
        ContainerSpec: { Image: image, Command: ["sleep", "3600"], StopGracePeriod: 0 },
        RestartPolicy: { Condition: "none" },
        LogDriver: { Name: "json-file", Options: { "max-size": "10m", "max-file": "3" } },
        Networks: network === "host" ? [{ Target: "host" }] : [],
      },
      Mode: { Replicated: { Replicas: replicas } },
    };
    return ((await engine.post("/services/create", body)) as { ID: string }).ID;
  };

  const isOf =
    (id: string) =>
    ({ labels }: { labels: Readonly<Record<string, string>> }) =>
      labels[SERVICE_LABEL] === id;

  async function remove(id: string, count: number): Promise<void> {
    await engine.delete(`/services/${id}`);
    await board.collect("destroy", isOf(id), count);
  }

  async function untilRunning(id: string): Promise<void> {
    const filters = encodeURIComponent(JSON.stringify({ service: [id] }));
    for (;;) {
      const tasks = (await engine.get(`/tasks?filters=${filters}`)) as {
        Status: { State: string };
      }[];
      if (tasks.some(({ Status }) => Status.State === "running")) return;
      await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));
    }
  }

  return {
    name: "Docker Swarm",
    async startOne(network): Promise<StartTimes> {
      const askedMs = nowMs();
      const id = await create(network, 1);
      await untilRunning(id);
      const visibleMs = nowMs();
      const [created] = await board.collect("create", isOf(id), 1);
      await remove(id, 1);
      return { askedMs, createdMs: created?.timeMs ?? Number.NaN, visibleMs };
    },
    async startMany(network, count) {
      const askedMs = nowMs();
      const id = await create(network, count);
      const events = await board.collect("start", isOf(id), count);
      await remove(id, count);
      return { askedMs, lastStartedMs: Math.max(...events.map(({ timeMs }) => timeMs)) };
    },
    close: async () => {
      await engine.post("/swarm/leave?force=1");
    },
  };
}
