import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../lib/clock.ts";
import { silentLog } from "../lib/log.ts";
import { systemRandom } from "../lib/random.ts";
import { socketWire } from "../lib/rpc/wire.ts";
import { openEtcdClient } from "../lib/store/etcd/etcd-client.ts";
import { DEFAULT_PREFIX } from "../lib/store/etcd-place.ts";
import { openEtcdStore } from "../lib/store/etcd-store.ts";
import { openLmdbStore } from "../lib/store/lmdb-store.ts";
import type { Store, Write } from "../lib/store/store.ts";
import { startEtcd } from "../test/etcd/etcd-server.ts";
import { median, table } from "./figures.ts";
import { createRawEtcd } from "./raw-etcd.ts";

const RUNS = Number(process.env["STORE_RUNS"] ?? 5);
const RUN_MS = Number(process.env["STORE_RUN_MS"] ?? 2_000);
/** About what a task takes in the store. */
const VALUE_BYTES = Number(process.env["STORE_VALUE_BYTES"] ?? 300);
/** Puts in a batch, and how many batches are under way at once. */
const CASES = [
  [1, 1],
  [1, 64],
  [20, 1],
  [20, 16],
  [100, 1],
  [100, 4],
] as const;

const KEYS = 10_000;

/** Does one batch: puts of the keys after `index`. */
export type Action = (index: number, size: number) => Promise<unknown>;

const keyOf = (index: number): string => `task/${String(index % KEYS).padStart(6, "0")}`;
const value = new Uint8Array(VALUE_BYTES).fill(7);

/** Batches a second. */
async function rateOf(action: Action, size: number, concurrency: number): Promise<number> {
  const startMs = performance.now();
  let index = 0;
  let done = 0;
  async function work(): Promise<void> {
    while (performance.now() - startMs < RUN_MS) {
      const first = index;
      index += size;
      await action(first, size);
      done += 1;
    }
  }
  await Promise.all(Array.from({ length: concurrency }, work));
  return (done / (performance.now() - startMs)) * 1_000;
}

const committing =
  (store: Store): Action =>
  (index, size) => {
    const writes = Array.from(
      { length: size },
      (_, n): Write => ({ kind: "put", key: keyOf(index + n), value }),
    );
    return store.commit({ writes });
  };

type Contenders = Readonly<Record<"raw" | "etcd" | "lmdb", Action>>;

/** One after the other in each round, so that a busy moment of the machine hits all alike. */
async function rowOf(contenders: Contenders, [size, concurrency]: readonly [number, number]) {
  const rates = { raw: [] as number[], etcd: [] as number[], lmdb: [] as number[] };
  for (let run = 0; run < RUNS; run++)
    for (const name of ["raw", "etcd", "lmdb"] as const)
      rates[name].push(await rateOf(contenders[name], size, concurrency));
  const shares = rates.etcd.map((rate, run) => rate / (rates.raw[run] ?? 0));
  const both = (all: readonly number[]) => {
    const rate = median(all);
    return [rate.toFixed(0), (rate * size).toFixed(0)];
  };
  return [
    `${size}`,
    `${concurrency}`,
    ...both(rates.raw),
    ...both(rates.etcd),
    `${(median(shares) * 100).toFixed(0)} %`,
    ...both(rates.lmdb),
  ];
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "berth-bench-store-"));
  const server = await startEtcd();
  const surroundings = {
    wire: socketWire,
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
  };
  const client = await openEtcdClient({ endpoints: [server.endpoint], ...surroundings });
  const store = await openEtcdStore({ client, prefix: DEFAULT_PREFIX, ...surroundings });
  const lmdb = await openLmdbStore({ folder, clock: systemClock });
  const raw = createRawEtcd(server.endpoint, { keyOf: (index) => `/raw/${keyOf(index)}`, value });
  try {
    const contenders = { raw: raw.put, etcd: committing(store), lmdb: committing(lmdb) };
    const rows = [];
    for (const one of CASES) rows.push(await rowOf(contenders, one));
    console.log(`## Stores: median of ${RUNS} runs, values of ${VALUE_BYTES} bytes\n`);
    console.log("`raw`: the same puts by grpc-js alone, encoded beforehand, one call a batch.\n");
    const [batches, puts] = ["batches/s", "puts/s"];
    const of = (name: string) => [`${name} ${batches}`, puts];
    console.log(
      table(["puts", "at once", ...of("raw"), ...of("etcd"), "of raw", ...of("lmdb")], rows),
    );
  } finally {
    raw.close();
    await Promise.all([store.close(), lmdb.close()]);
    client.close();
    await server.remove();
    rmSync(folder, { recursive: true });
  }
}

await main();
