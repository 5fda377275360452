import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { type HttpCluster, startHttpCluster } from "./cluster.ts";
import { fuzz } from "./fuzz.ts";

// `make fuzz-http` sends more, and another seed where one is given.
const REQUESTS = Number(process.env["FUZZ_REQUESTS"] ?? 400);
const SEED = Number(process.env["FUZZ_SEED"] ?? 1);

/** From so many on every operation must have been made to work. */
const THOROUGH = 5_000;

jest.setTimeout(60_000 + REQUESTS * 200);

let cluster: HttpCluster;
beforeAll(async () => {
  cluster = await startHttpCluster();
});
afterAll(() => cluster.close());

test(`${REQUESTS} requests made from the documents meet no bug and no undocumented answer`, async () => {
  const { problems, counts } = await fuzz({ urls: cluster.urls, requests: REQUESTS, seed: SEED });
  const statuses = [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
  if (REQUESTS >= THOROUGH) process.stdout.write(`${table(statuses)}\n`);
  expect(problems).toEqual([]);
  const fine = sum(statuses.filter(([name]) => name.endsWith(" 200")));
  // Requests that are all refused would find nothing.
  expect(fine).toBeGreaterThan(REQUESTS / 4);
  const names = new Set(statuses.map(([name]) => name.replace(/ \d+$/, "")));
  const barren = [...names].filter((name) => !counts.has(`${name} 200`) && !/astray/.test(name));
  if (REQUESTS >= THOROUGH) expect(barren).toEqual([]);
});

const sum = (counts: readonly (readonly [string, number])[]) =>
  counts.reduce((total, [, count]) => total + count, 0);

const table = (counts: readonly (readonly [string, number])[]) =>
  counts.map(([name, count]) => `${String(count).padStart(7)}  ${name}`).join("\n");
