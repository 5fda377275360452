import type { Message } from "@bufbuild/protobuf";
import type { Interceptor } from "@connectrpc/connect";
import { Role } from "../../gen/berth/v1/worker_pb.ts";
import type { PushTasksRequest, PushTasksResponse } from "../../gen/berth/v1/worker_service_pb.ts";
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
    return (response) => {
      onAnswer(response);
      const [asked, refused] = [request as PushTasksRequest, response as PushTasksResponse];
      for (const kind of ["stops", "starts", "forgets"] as const) {
        const taken = asked[kind].length - refused[kind].length;
        const epoch = asked[kind][0]?.epoch;
        if (epoch !== undefined && taken > 0) obeyed.set(epoch, (obeyed.get(epoch) ?? 0) + taken);
      }
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

/** The real wire, listened to at every server: pushes come by streams, each answered in its turn. */
function tapped(tap: Tap): Wire {
  let serverCount = 0;
  return {
    ...socketWire,
    serve(options) {
      const name = `witness-${++serverCount}`;
      const listen: Interceptor = (next) => async (request) => {
        if (!request.stream) return next(request);
        const waiting: ((answer: Message) => void)[] = [];
        async function* heard(messages: AsyncIterable<Message>) {
          for await (const message of messages) {
            const told = tap(name, request.method, message);
            if (told) waiting.push(told);
            yield message;
          }
        }
        async function* answered(messages: AsyncIterable<Message>) {
          for await (const message of messages) {
            waiting.shift()?.(message);
            yield message;
          }
        }
        const response = await next({ ...request, message: heard(request.message) });
        return response.stream ? { ...response, message: answered(response.message) } : response;
      };
      return socketWire.serve({
        ...options,
        interceptors: [...(options.interceptors ?? []), listen],
      });
    },
  };
}
