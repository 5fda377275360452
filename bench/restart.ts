import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, openSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ManagerService } from "../gen/berth/v1/manager_service_pb.ts";
import { systemClock } from "../lib/clock.ts";
import { silentLog } from "../lib/log.ts";
import { openChannel } from "../lib/rpc/channel.ts";
import { createClient } from "../lib/rpc/client.ts";
import { openLmdbStore } from "../lib/store/lmdb-store.ts";
import { figuresOf, median, ms, table } from "./figures.ts";
import { fillStore } from "./restart-store.ts";

const BERTH = new URL("../../bin/berth", import.meta.url).pathname;

const TASKS = Number(process.env["RESTART_TASKS"] ?? 100_000);
const RUNS = Number(process.env["RESTART_RUNS"] ?? 5);
const ADDRESS = "127.0.0.1:17170";

/** Longer than any start here takes: a bench that waits longer is stuck. */
const PATIENCE_MS = 60_000;

/** Measures what a manager's restart costs that has many tasks in its store. */
async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "berth-restart-"));
  try {
    process.stderr.write(`filling a store with ${TASKS} tasks\n`);
    const full = join(folder, "full");
    await fillStore(join(full, "manager"), TASKS);
    const rows = [
      ["manager, empty store", await measureStarts(join(folder, "empty"))],
      [`manager, ${TASKS} tasks`, await measureStarts(full)],
      ["the tasks' bytes read from LMDB", await measureFloor(join(full, "manager"))],
    ] as const;
    const size = Math.round(statSync(join(full, "manager", "data.mdb")).size / 1e6);
    console.log(`## A manager's restart: ${RUNS} each, ${TASKS} tasks in ${size} MB\n`);
    console.log("Milliseconds from the start of the process to its first answer of GetCluster.\n");
    console.log(
      table(
        ["", "median", "runs"],
        rows.map(([name, samples]) => [name, ms(median(samples)), samples.map(ms).join(", ")]),
      ),
    );
    process.stderr.write(`spread: ${ms(figuresOf(rows[1][1]).max - figuresOf(rows[1][1]).min)}\n`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function measureStarts(stateFolder: string): Promise<readonly number[]> {
  const samples: number[] = [];
  for (let run = 0; run < RUNS; run++) samples.push(await measureStart(stateFolder));
  return samples;
}

async function measureStart(stateFolder: string): Promise<number> {
  const log = openSync(`${stateFolder}.log`, "a");
  const flags = ["--listen", ADDRESS, "--state-dir", stateFolder, "--registry", "127.0.0.1:1"];
  const startMs = performance.now();
  const child = spawn(process.execPath, [BERTH, "manager", ...flags], {
    stdio: ["ignore", log, log],
  });
  const gone = new Promise((resolve) => child.once("exit", resolve));
  try {
    await untilServing();
    return performance.now() - startMs;
  } finally {
    child.kill("SIGKILL");
    await gone;
  }
}

/** Asks until there is an answer, each time anew: a channel that was refused would wait. */
async function untilServing(): Promise<void> {
  for (const startMs = performance.now(); performance.now() - startMs < PATIENCE_MS; ) {
    const channel = openChannel({ address: ADDRESS, clock: systemClock, log: silentLog });
    try {
      await createClient(ManagerService, channel).getCluster({}, { timeoutMs: PATIENCE_MS });
      return;
    } catch {
      await systemClock.sleep(10);
    } finally {
      channel.close();
    }
  }
  throw new Error(`the manager never answered in ${PATIENCE_MS} ms`);
}

/** Reading the same entries and doing nothing with them. */
async function measureFloor(folder: string): Promise<readonly number[]> {
  if (!existsSync(folder)) throw new Error(`no store in ${folder}`);
  const samples: number[] = [];
  for (let run = 0; run < RUNS; run++) {
    const startMs = performance.now();
    const store = await openLmdbStore({ folder, clock: systemClock });
    await store.list("task/");
    samples.push(performance.now() - startMs);
    await store.close();
  }
  return samples;
}

await main();
process.exit(0);
