import type { Running } from "../../lib/lifecycle.ts";
import { silentLog } from "../../lib/log.ts";
import { createTracer } from "../../lib/trace/tracer.ts";
import type { Services } from "../services.ts";
import { printLine, type Terminal } from "../terminal.ts";

type Options = Readonly<{
  terminal: Terminal;
  /** Names of services that cannot start, and why. */
  broken?: Readonly<Record<string, Error>>;
  /** How a service's life goes on once it runs. Absent: for ever. */
  ended?: Readonly<Record<string, Promise<void>>>;
}>;

/** Services that only tell, on stderr, what they are asked to do. */
export function createFakeServices({ terminal, broken = {}, ended = {} }: Options): Services {
  const start = (name: string, listen: string, config: object): Promise<Running> => {
    printLine(terminal.stderr, `(${name} starts with ${JSON.stringify(config, asPlain)})`);
    const error = broken[name];
    if (error) return Promise.reject(error);
    return Promise.resolve({
      address: listen.replace(/:0$/, ":40000"),
      ended: ended[name] ?? new Promise(() => undefined),
      stop: async () => printLine(terminal.stderr, `(${name} stops)`),
    });
  };
  return {
    createLog: () => silentLog,
    guardTurns: () => undefined,
    keepHeapSmall: () => undefined,
    async openTracing(place, deps) {
      printLine(terminal.stderr, `(traces go to ${JSON.stringify(place)})`);
      const sink = { offer: () => undefined, families: () => [] };
      const tracer = createTracer({ ...deps, sink, ratio: place.ratio });
      return { tracer, close: async () => printLine(terminal.stderr, "(no more traces)") };
    },
    async startRegistry({ listen, ...config }) {
      const running = await start("registry", listen, config);
      return { ...running, dnsAddress: config.dns?.listen.replace(/:0$/, ":40053") };
    },
    startManager: ({ listen, ...config }) => start("manager", listen, config),
    startSharedManager: ({ listen, ...config }) =>
      start("manager on a shared store", listen, config),
    startWorker: ({ listen, ...config }) => start("worker", listen, config),
    startHollowWorkers: ({ listen, ...config }) => start("hollow workers", listen, config),
  };
}

/** What JSON has no words for. */
function asPlain(_: string, value: unknown): unknown {
  if (typeof value === "bigint") return String(value);
  return value instanceof Map ? Object.fromEntries(value) : value;
}
