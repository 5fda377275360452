import type { BurstTimes, Contender, Network, StartTimes } from "./contender.ts";
import { type Engine, nowMs } from "./engine.ts";
import type { EventBoard } from "./event-board.ts";

type Deps = Readonly<{ engine: Engine; board: EventBoard; image: string }>;

const LABEL = "dev.berth.bench";

/** How many starts at once are tried; the best counts. */
const CONCURRENCIES = [4, 6, 8];

/** The engine driven directly, with the settings that Berth gives its containers: the floor. */
export function createRawContender({ engine, board, image }: Deps): Contender {
  let runs = 0;

  async function create(network: Network, run: string): Promise<string> {
    const body = {
      Image: image,
      Cmd: ["sleep", "3600"],
      Labels: { [LABEL]: run },
      HostConfig: hostConfig(network),
    };
    return ((await engine.post("/containers/create", body)) as { Id: string }).Id;
  }
  const start = (id: string) => engine.post(`/containers/${id}/start`);
  const remove = (id: string) => engine.delete(`/containers/${id}?force=1&v=1`);

  async function burst(network: Network, count: number, concurrency: number): Promise<BurstTimes> {
    const run = String(++runs);
    const ids: string[] = [];
    let left = count;
    const askedMs = nowMs();
    const lane = async () => {
      while (left-- > 0) {
        const id = await create(network, run);
        ids.push(id);
        await start(id);
      }
    };
    await Promise.all(Array.from({ length: concurrency }, lane));
    const events = await board.collect("start", ({ labels }) => labels[LABEL] === run, count);
    await inLanes(ids, remove);
    return { askedMs, lastStartedMs: Math.max(...events.map(({ timeMs }) => timeMs)) };
  }

  return {
    name: "raw engine",
    async startOne(network): Promise<StartTimes> {
      const run = String(++runs);
      const askedMs = nowMs();
      const id = await create(network, run);
      await start(id);
      const visibleMs = nowMs();
      const [created] = await board.collect("create", ({ labels }) => labels[LABEL] === run, 1);
      await remove(id);
      return { askedMs, createdMs: created?.timeMs ?? Number.NaN, visibleMs };
    },
    async startMany(network, count) {
      let best: BurstTimes | undefined;
      for (const concurrency of CONCURRENCIES) {
        const times = await burst(network, count, concurrency);
        if (!best || spanOf(times) < spanOf(best)) best = times;
      }
      return best ?? { askedMs: 0, lastStartedMs: 0 };
    },
    close: async () => undefined,
  };
}

const spanOf = ({ askedMs, lastStartedMs }: BurstTimes) => lastStartedMs - askedMs;

/** Removes eight at a time: that is where the engine's rate is flat. */
async function inLanes(
  ids: readonly string[],
  act: (id: string) => Promise<unknown>,
): Promise<void> {
  const left = [...ids];
  const lane = async () => {
    for (let id = left.pop(); id !== undefined; id = left.pop()) await act(id);
  };
  await Promise.all(Array.from({ length: 8 }, lane));
}

const hostConfig = (network: Network) => ({
  NetworkMode: network,
  RestartPolicy: { Name: "no" },
  LogConfig: { Type: "json-file", Config: { "max-size": "10m", "max-file": "3" } },
  SecurityOpt: ["no-new-privileges"],
  CapDrop: ["ALL"],
  CapAdd: [
    "CHOWN",
    "DAC_OVERRIDE",
    "FSETID",
    "FOWNER",
    "SETGID",
    "SETUID",
    "SETFCAP",
    "SETPCAP",
    "NET_BIND_SERVICE",
    "SYS_CHROOT",
    "KILL",
  ],
  PidsLimit: 512,
});
