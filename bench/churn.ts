import { ManagerService } from "../gen/berth/v1/manager_service_pb.ts";
import { systemClock } from "../lib/clock.ts";
import { silentLog } from "../lib/log.ts";
import { openChannel } from "../lib/rpc/channel.ts";
import { createClient } from "../lib/rpc/client.ts";
import { type BerthProcess, startBerth } from "./berth-process.ts";
import { createLoad } from "./churn-load.ts";
import { table } from "./figures.ts";
import { type Slope, slopeOf } from "./slope.ts";

/**
 * Drives a manager, a registry and hollow workers with tasks that come and go at a steady rate, and
 * looks for what grows. Exit code 1 when something grows faster than its bound, beyond doubt.
 */
const MINUTES = Number(process.env["MINUTES"] ?? 10);
const WORKERS = Number(process.env["WORKERS"] ?? 50);
const TASKS_PER_SECOND = Number(process.env["RATE"] ?? 20);

const PORTS = { manager: 17090, registry: 17091 };
const SAMPLE_MS = 10_000;
const STEP_MS = 250;

/**
 * Until as many tasks go as come, the manager's histories, which keep a fixed number of changes, are
 * full, and the first request IDs have been forgotten, after 65 minutes: what grows before that is
 * no leak.
 */
const WARM_UP_MS = Math.min(4_200_000, MINUTES * 30_000);

/** Ended tasks that nobody removes are purged after this. */
const KEEP_FINISHED = "15s";

/** Most growth an hour that is taken for noise. Bytes in MiB. */
const BOUNDS: Readonly<Record<string, number>> = {
  "live MiB": 2,
  "resident MiB": 30,
  descriptors: 6,
  timers: 30,
  "state MiB": 4,
};

const MIB = 2 ** 20;

type Measured = Readonly<Record<string, number>>;
type Part = Readonly<{ name: string; process: BerthProcess; isStateful: boolean }>;
type Series = Map<string, [number, number][]>;

async function main(): Promise<boolean> {
  const parts = await startParts();
  const address = `127.0.0.1:${PORTS.manager}`;
  const channel = openChannel({ address, clock: systemClock, log: silentLog });
  const load = createLoad(createClient(ManagerService, channel));
  const series: Series = new Map();
  try {
    await churn(load.step, async () => {
      const line = await sample(parts, series);
      print(`${elapsed()} s, ${load.submittedCount} tasks: ${line}`);
    });
    return report(series, load.submittedCount);
  } finally {
    channel.close();
    for (const { process } of parts.toReversed()) await process.stop();
  }
}

async function startParts(): Promise<Part[]> {
  const [manager, registry] = [`127.0.0.1:${PORTS.manager}`, `127.0.0.1:${PORTS.registry}`];
  const start = (args: readonly string[], readyWhen: RegExp, isStateful: boolean) =>
    startBerth({
      managerAddress: manager,
      args: [...args, "--log-level", "warn"],
      readyWhen,
      isStateful,
      isProbed: true,
    });
  const registryArgs = ["registry", "--listen", registry];
  const managerArgs = ["manager", "--listen", manager, "--registry", registry];
  const workerArgs = ["worker", "--runtime", "hollow", "--count", String(WORKERS)];
  const retention = ["--keep-finished", KEEP_FINISHED];
  return [
    {
      name: "registry",
      process: await start(registryArgs, /^registry on/m, false),
      isStateful: false,
    },
    {
      name: "manager",
      process: await start([...managerArgs, ...retention], /^manager on/m, true),
      isStateful: true,
    },
    {
      name: "workers",
      process: await start([...workerArgs, "--registry", registry], /hollow worker/, false),
      isStateful: false,
    },
  ];
}

/** Loads at a steady rate until the time is over; a step that was late is not made up for. */
async function churn(
  step: (count: number) => Promise<void>,
  sampleNow: () => Promise<void>,
): Promise<void> {
  const perStep = Math.max(1, Math.round((TASKS_PER_SECOND * STEP_MS) / 1_000));
  let sampledMs = 0;
  while (performance.now() < MINUTES * 60_000) {
    const [pause] = [systemClock.sleep(STEP_MS), await step(perStep)];
    if (performance.now() - sampledMs >= SAMPLE_MS) {
      sampledMs = performance.now();
      await sampleNow();
    }
    await pause;
  }
}

/** Measures every process; what comes after the warm-up counts. */
async function sample(parts: readonly Part[], series: Series): Promise<string> {
  const lines: string[] = [];
  for (const part of parts) {
    const measured = await measure(part);
    lines.push(`${part.name} ${Object.values(measured).map(Math.round).join("/")}`);
    if (performance.now() < WARM_UP_MS) continue;
    for (const [what, value] of Object.entries(measured)) {
      const key = `${part.name}: ${what}`;
      series.set(key, [...(series.get(key) ?? []), [performance.now(), value]]);
    }
  }
  return lines.join(", ");
}

async function measure({ process, isStateful }: Part): Promise<Measured> {
  const { liveBytes, counts } = await process.resources();
  return {
    "live MiB": liveBytes / MIB,
    "resident MiB": process.rssBytes() / MIB,
    descriptors: process.descriptorCount(),
    timers: counts["Timeout"] ?? 0,
    ...(isStateful && { "state MiB": process.stateBytes() / MIB }),
  };
}

/** Prints what grew and how fast; true when nothing is beyond its bound. */
function report(series: Series, submittedCount: number): boolean {
  const rows = [...series].map(([key, samples]) => {
    const slope = slopeOf(samples);
    const bound = BOUNDS[key.split(": ")[1] ?? ""] ?? 0;
    return { key, slope, bound, last: samples.at(-1)?.[1] ?? 0, grows: growsBeyond(slope, bound) };
  });
  print("");
  print(
    table(
      ["what", "at the end", "growth an hour", "bound", ""],
      rows.map(({ key, slope: { perHour, error }, bound, last, grows }) => [
        key,
        last.toFixed(1),
        `${perHour.toFixed(1)} ± ${error.toFixed(1)}`,
        String(bound),
        grows ? "GROWS" : "flat",
      ]),
    ),
  );
  const setting = `${WORKERS} hollow workers, ${TASKS_PER_SECOND} tasks/s`;
  print(`\n${submittedCount} tasks in ${MINUTES} minutes on ${setting}`);
  return rows.every(({ grows }) => !grows);
}

/** Whether the growth is above its bound even if luck has added two standard errors. */
const growsBeyond = ({ perHour, error }: Slope, bound: number): boolean =>
  perHour - 2 * error > bound;

const elapsed = (): string =>
  Math.round(performance.now() / 1_000)
    .toString()
    .padStart(5);

const print = (line: string): void => void process.stdout.write(`${line}\n`);

process.exitCode = (await main()) ? 0 : 1;
