import type { Engine } from "./engine.ts";
import type { EventBoard } from "./event-board.ts";

type Deps = Readonly<{ engine: Engine; board: EventBoard; image: string }>;

const SERVICE_LABEL = "com.docker.swarm.service.id";

type Measure = () => Promise<number>;

/**
 * How long Swarm takes from the `die` of a service's container to the `start` of its replacement,
 * for a restart delay, or for its own default where there is none.
 */
export async function measureSwarmRestart(
  { engine, board, image }: Deps,
  delayMs: number | undefined,
  repeat: (measure: Measure) => Promise<readonly number[]>,
): Promise<readonly number[]> {
  await engine.post("/swarm/init", { ListenAddr: "127.0.0.1:0", AdvertiseAddr: "127.0.0.1" });
  try {
    return await repeat(async () => {
      const id = await createService();
      const isOf = ({ labels }: { labels: Readonly<Record<string, string>> }) =>
        labels[SERVICE_LABEL] === id;
      const [started] = await board.collect("start", isOf, 1);
      await engine.post(`/containers/${started?.containerId}/kill`);
      const [died] = await board.collect("die", isOf, 1);
      const starts = await board.collect("start", isOf, 2);
      await engine.delete(`/services/${id}`);
      await board.collect("destroy", isOf, 2);
      return (starts[1]?.timeMs ?? Number.NaN) - (died?.timeMs ?? Number.NaN);
    });
  } finally {
    await engine.post("/swarm/leave?force=1");
  }

  async function createService(): Promise<string> {
    const delay = delayMs === undefined ? {} : { Delay: delayMs * 1_000_000 };
    const body = {
      TaskTemplate: {
        ContainerSpec: { Image: image, Command: ["sleep", "3600"], StopGracePeriod: 0 },
        RestartPolicy: { Condition: "any", ...delay },
        Networks: [{ Target: "host" }],
      },
      Mode: { Replicated: { Replicas: 1 } },
    };
    return ((await engine.post("/services/create", body)) as { ID: string }).ID;
  }
}
