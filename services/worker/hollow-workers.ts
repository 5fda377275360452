import { createGate } from "../../lib/gate.ts";
import { formatHostPort, parseHostPort } from "../../lib/host-port.ts";
import type { Running } from "../../lib/lifecycle.ts";
import { createFakeRuntime } from "./fake-runtime.ts";
import { createFakeEngine } from "./fake-runtime-engine.ts";
import { createFakeGlance } from "./fake-runtime-usage.ts";
import { createFakeProbes } from "./prober-fake.ts";
import { createMemoryFolder } from "./state-folder-memory.ts";
import { startWorker, type WorkerConfig, type WorkerDeps } from "./worker.ts";
import type { HostMeter } from "./worker-metrics.ts";

/** Many workers of one process, all alike but for their IDs and addresses. */
export type HollowConfig = Omit<WorkerConfig, "advertise" | "workerId" | "hostname"> &
  Readonly<{
    count: number;
    /** Worker IDs are this, a dash and a number: `hollow-0001`. */
    idPrefix: string;
  }>;

type Deps = Omit<WorkerDeps, "state" | "runtime" | "probes" | "glance" | "stats" | "gate">;

/** Starts at once. Between two lots those before get a turn to register, lest they come too late. */
const STARTS_MAX = 10;

/**
 * Registrations at once: when a thousand workers of one process lose their sessions, as they do where
 * it gets too little of a machine, none of a thousand new connections is made in time.
 */
const REGISTRATIONS = { atOnce: 16, turnMsMax: 1_000 };

/** At least so many digits, so that IDs of workers sort as their numbers do. */
const ID_DIGITS = 4;

/**
 * Starts workers whose containers exist in memory only, for tests of load and failure without an
 * engine. All else is real: each serves managers on a port of its own, any free one, and keeps a
 * session with the registry. What a container does, its image's tag tells (see
 * `behaviourOfImage`). Nothing survives the process.
 */
export async function startHollowWorkers(config: HollowConfig, deps: Deps): Promise<Running> {
  const running: Running[] = [];
  const gate = createGate(deps.clock, REGISTRATIONS);
  const stopAll = async () => {
    await Promise.all(running.map((worker) => worker.stop()));
  };
  try {
    for (let first = 1; first <= config.count; first += STARTS_MAX) {
      running.push(...(await startSome(first, config, { ...deps, gate })));
      await deps.clock.turn();
    }
  } catch (error) {
    await stopAll();
    throw error;
  }
  return {
    address: running[0]?.address ?? config.listen,
    ended: Promise.all(running.map((worker) => worker.ended)).then(() => undefined),
    stop: stopAll,
  };
}

/** Starts up to `STARTS_MAX` workers; when one cannot start, none of them runs on. */
async function startSome(
  first: number,
  config: HollowConfig,
  deps: Deps & Pick<WorkerDeps, "gate">,
): Promise<Running[]> {
  const length = Math.min(STARTS_MAX, config.count - first + 1);
  const starts = Array.from({ length }, (_, i) => startOne(first + i, config, deps));
  const results = await Promise.allSettled(starts);
  const running = results.flatMap((result) => (result.status === "fulfilled" ? result.value : []));
  const failure = results.find((result) => result.status === "rejected");
  if (!failure) return running;
  await Promise.all(running.map((worker) => worker.stop()));
  throw failure.reason;
}

function startOne(
  number: number,
  { count: _, idPrefix, ...config }: HollowConfig,
  deps: Deps & Pick<WorkerDeps, "gate">,
): Promise<Running> {
  const workerId = `${idPrefix}-${String(number).padStart(ID_DIGITS, "0")}`;
  const engine = createFakeEngine(deps.clock);
  return startWorker(
    { ...config, listen: anyPortOf(config.listen), hostname: workerId, workerId },
    {
      ...deps,
      state: createMemoryFolder(workerId),
      runtime: createFakeRuntime(engine),
      probes: createFakeProbes(engine),
      glance: createFakeGlance(engine),
      stats: hollowHost,
    },
  );
}

function anyPortOf(listen: string): string {
  const parsed = parseHostPort(listen);
  if (parsed.kind === "malformed") throw new Error(parsed.explanation);
  return formatHostPort({ host: parsed.host, port: 0 });
}

/** A machine that nothing else runs on, the same for all: 8 GiB of memory and 100 GiB of disk. */
const hollowHost: HostMeter = {
  measure: async () => ({
    cpuPercent: 1,
    load1m: 0,
    load5m: 0,
    load15m: 0,
    memoryTotalBytes: 8 * 2 ** 30,
    memoryAvailableBytes: 7 * 2 ** 30,
    diskTotalBytes: 100 * 2 ** 30,
    diskAvailableBytes: 90 * 2 ** 30,
  }),
};
