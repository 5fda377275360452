import type { Interceptor } from "@connectrpc/connect";
import { Role } from "../../gen/berth/v1/worker_pb.ts";
import { systemClock } from "../../lib/clock.ts";
import { silentLog } from "../../lib/log.ts";
import { systemRandom } from "../../lib/random.ts";
import { socketWire, type Wire } from "../../lib/rpc/wire.ts";
import { startHollowWorkers } from "../../services/worker/hollow-workers.ts";
import { createFenceMonitor, type Tap } from "../../sim/fence-monitor.ts";

/** Hollow workers of this process, which remember whose commands they obeyed, and in which order. */
export interface Witness {
  readonly count: number;
  /** Each command of a manager that was obeyed after one of its successor's. */
  readonly complaints: readonly string[];
  /** How many commands of each epoch were obeyed. */
  readonly obeyed: ReadonlyMap<bigint, number>;
  stop(): Promise<void>;
}

/** What tasks ask for that are for these workers. */
export const HOLLOW = { key: "kind", values: ["hollow"] };

const COUNT = 3;

export async function startWitness(registryAddress: string, idPrefix: string): Promise<Witness> {
  const complaints: string[] = [];
  const obeyed = new Map<bigint, number>();
  const judge = createFenceMonitor(
    (law, text) => void complaints.push(`${law}: ${text}`),
    () => undefined,
  );
  const tap: Tap = (machine, method, request) => {
    const onAnswer = judge(machine, method, request);
    if (!onAnswer) return undefined;
    const { requests } = request as unknown as { requests: readonly { epoch: bigint }[] };
    return (response) => {
      onAnswer(response);
      const { results } = response as unknown as { results: readonly { error?: unknown }[] };
      for (const [index, { epoch }] of requests.entries())
        if (results[index]?.error === undefined) obeyed.set(epoch, (obeyed.get(epoch) ?? 0) + 1);
    };
  };
  const workers = await startHollowWorkers(
    {
      ...{ count: COUNT, idPrefix, listen: "127.0.0.1:0", registryAddress },
      ...{ labels: { kind: "hollow" }, allowHostNetwork: false, version: "test" },
      ...{ capacity: {}, roles: [Role.WORKER] },
    },
    { wire: tapped(tap), clock: systemClock, random: systemRandom, log: silentLog },
  );
  return { count: COUNT, complaints, obeyed, stop: () => workers.stop() };
}

/** The real wire, listened to at every server. */
function tapped(tap: Tap): Wire {
  let serverCount = 0;
  return {
    ...socketWire,
    serve(options) {
      const name = `witness-${++serverCount}`;
      const listen: Interceptor = (next) => async (request) => {
        const onAnswer = request.stream ? undefined : tap(name, request.method, request.message);
        const response = await next(request);
        if (!response.stream) onAnswer?.(response.message);
        return response;
      };
      return socketWire.serve({
        ...options,
        interceptors: [...(options.interceptors ?? []), listen],
      });
    },
  };
}
