import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { until } from "../../../test/until.ts";
import { type Clock, systemClock } from "../../clock.ts";
import { unavailable } from "../../errors.ts";
import { createSeededRandom } from "../../random.ts";
import { bytes, del, put, text } from "../conformance/conformance-words.ts";
import type { Batch, CommitResult, StoreError } from "../store.ts";
import { createFakeKv } from "../testing/fake-kv.ts";
import type { EtcdClient } from "./etcd-client.ts";
import { createLayout, type Head, noHead, readHead, revisionOf } from "./etcd-layout.ts";
import { putOp } from "./etcd-requests.ts";
import type { Fence } from "./etcd-transaction.ts";
import type { Written } from "./etcd-trials.ts";
import { createEtcdWriter } from "./etcd-writer.ts";

const layout = createLayout("/berth/");
const limits = { operations: 8, bytes: 1_000 };

/** Time passes only in sleeps, and at once. */
function createFastClock(): Clock {
  let elapsed = 0;
  return {
    ...systemClock,
    monotonic: () => elapsed,
    async sleep(delayMs) {
      elapsed += delayMs;
      await systemClock.turn();
    },
  };
}

/** What happens to a request: it is done or not, now or later, and its answer comes or not. */
type Weather = "fine" | "answer lost" | "lost" | "late" | "refused" | "unsent";

function createRig({ random = createSeededRandom(1) } = {}) {
  const kv = createFakeKv();
  const late: (() => void)[] = [];
  const written: Written[] = [];
  const clock = createFastClock();
  /** Of the next requests; fine when it is empty. */
  const forecast: Weather[] = [];
  const sent: number[] = [];

  const call = async (_method: unknown, input: never) => {
    await systemClock.turn();
    if (late.length > 0 && random() < 0.5) late.shift()?.();
    const { success } = input as { success: unknown[] };
    sent.push(success.length);
    const weather = forecast.shift() ?? "fine";
    if (weather === "late") late.push(() => void kv.txn(input));
    if (weather === "fine" || weather === "answer lost") {
      const answer = kv.txn(input);
      if (weather === "fine") return answer;
    }
    if (weather === "unsent") throw unavailable("NOT_CONNECTED", "no connection");
    if (weather === "refused") throw new ConnectError("space exceeded", Code.ResourceExhausted);
    throw new ConnectError("timed out", Code.DeadlineExceeded);
  };
  const read = async (_method: unknown, input: never) => {
    await systemClock.turn();
    return kv.txn(input);
  };
  const client = { call, read } as unknown as Pick<EtcdClient, "call" | "read">;

  const open = (name: string, head: Head = noHead, fence?: Fence) =>
    createEtcdWriter({
      client,
      author: { layout, fence, writer: name },
      limits,
      head,
      clock,
      random,
      onWritten: (one) => void written.push(one),
      onWeather: () => undefined,
    });
  const head = () => readHead(kv.get("/berth/head"));
  return { kv, open, written, forecast, sent, head, late, clock };
}

const committed = (revision: bigint): CommitResult => ({ kind: "committed", revision });

describe("a group", () => {
  test("takes the batches of a turn, up to a key's second write, a deletion or a guard", async () => {
    const { open, sent } = createRig();
    const writer = open("w");
    const batches: Batch[] = [
      { writes: [put("a"), put("b")] },
      { writes: [put("c")] },
      { writes: [put("a")] },
      { writes: [put("d"), del("b")] },
      { writes: [put("e")] },
      { guards: [{ key: "e", revision: 5n }], writes: [put("f")] },
      { writes: Array.from({ length: 7 }, (_, n) => put(`g${n}`)) },
      { writes: [put("h"), put("i")] },
    ];
    const results = await Promise.all(batches.map(writer.commit));
    expect(results).toEqual(batches.map((_, n) => committed(BigInt(n + 1))));
    // Each has the head beside its writes.
    expect(sent).toEqual([4, 4, 2, 2, 8, 3]);
  });

  test("tells what each batch changed, in order", async () => {
    const { open, written } = createRig();
    const writer = open("w");
    await Promise.all([
      writer.commit({ writes: [put("a"), put("b")] }),
      writer.commit({ writes: [put("c"), del("absent")] }),
    ]);
    await writer.commit({ writes: [del("a"), del("absent")] });
    expect(
      written.map(({ revision, changes }) => [
        revision,
        changes.map(({ kind, key }) => `${kind} ${key}`),
      ]),
    ).toEqual([
      [1n, ["put a", "put b"]],
      [2n, ["put c"]],
      [3n, ["delete a"]],
    ]);
  });
});

describe("a commit that etcd does not answer", () => {
  test.each<Weather>(["answer lost", "lost", "late"])(
    "is written once when its request is %s, and waits for as long as it takes",
    async (weather) => {
      const { open, forecast, kv, clock } = createRig();
      forecast.push(weather, ...Array<Weather>(100).fill("unsent"));
      expect(await open("w").commit({ writes: [put("a", "1")] })).toEqual(committed(1n));
      expect(clock.monotonic()).toBeGreaterThan(10_000);
      expect(text(kv.get("/berth/data/a")?.value.subarray(8))).toBe("1");
    },
  );

  test("fails after a while when it was never sent", async () => {
    const { open, forecast, head, clock } = createRig();
    forecast.push(...Array<Weather>(1_000).fill("unsent"));
    const failed = {
      kind: "unavailable",
      message: "not written: etcd is out of reach: no connection",
    };
    await expect(open("w").commit({ writes: [put("a")] })).rejects.toMatchObject(failed);
    expect(clock.monotonic()).toBeLessThan(10_000);
    expect(head()).toEqual(noHead);
  });

  test("fails at once when etcd refuses it, and the next one is written", async () => {
    const { open, forecast } = createRig();
    forecast.push("refused");
    const writer = open("w");
    await expect(writer.commit({ writes: [put("a")] })).rejects.toMatchObject({
      kind: "unavailable",
    });
    expect(await writer.commit({ writes: [put("b")] })).toEqual(committed(1n));
  });
});

test("a fence that fell refuses what comes after it, but not what came before", async () => {
  const { open, kv, forecast } = createRig();
  const key = Buffer.from("/berth/leader");
  kv.txn({ success: [putOp(key, bytes("me"))] });
  const fence = { key, createRevision: kv.get("/berth/leader")?.createRevision ?? 0n };
  const writer = open("w", noHead, fence);
  forecast.push("answer lost", "unsent");
  const unsure = writer.commit({ writes: [put("a")] });
  await until("the batch is written", () => kv.get("/berth/data/a") !== undefined);
  kv.txn({ success: [{ request: { case: "requestDeleteRange", value: { key } } }] });
  kv.txn({ success: [putOp(key, bytes("another"))] });
  expect(await unsure).toEqual(committed(1n));
  await expect(writer.commit({ writes: [put("b")] })).rejects.toMatchObject({ kind: "fenced" });
});

const anyWeather = fc.constantFrom<Weather>(
  "fine",
  "fine",
  "answer lost",
  "lost",
  "late",
  "unsent",
);
const anyKey = fc.constantFrom("a", "b", "c", "d");
const anyBatch = fc.record({
  guards: fc.array(fc.record({ key: anyKey, revision: fc.bigInt(0n, 3n) }), { maxLength: 1 }),
  writes: fc.uniqueArray(
    fc.record({ kind: fc.constantFrom("put" as const, "delete" as const), key: anyKey }),
    { selector: ({ key }) => key, maxLength: 3 },
  ),
});

test("in any weather, of two writers, each batch is written once or not at all, as it was told", async () => {
  const cases = fc.record({
    seed: fc.nat(),
    weather: fc.array(anyWeather, { maxLength: 40 }),
    batches: fc.tuple(fc.array(anyBatch, { maxLength: 6 }), fc.array(anyBatch, { maxLength: 6 })),
  });
  await fc.assert(
    fc.asyncProperty(cases, async ({ seed, weather, batches }) => {
      const { open, kv, forecast, head } = createRig({ random: createSeededRandom(seed) });
      forecast.push(...weather);
      const settled = await Promise.all(
        batches.map(async (own, index) => {
          const writer = open(`w${index}`);
          return Promise.allSettled(
            own.map(async ({ guards, writes }, n) => {
              // Every batch is told by a key of its own.
              const mark = put(`mark/${index}/${n}`);
              const values = writes.map(({ kind, key }) => (kind === "put" ? put(key) : del(key)));
              return writer.commit({ guards, writes: [...values, mark] });
            }),
          );
        }),
      );
      const revisions: bigint[] = [];
      for (const [index, results] of settled.entries())
        for (const [n, result] of results.entries()) {
          const stored = kv.get(`/berth/data/mark/${index}/${n}`);
          const told = result.status === "fulfilled" ? result.value : undefined;
          const revision = told?.kind === "committed" ? told.revision : undefined;
          expect(stored && revisionOf(stored.value)).toBe(revision);
          if (revision !== undefined) revisions.push(revision);
          if (result.status === "rejected")
            expect((result.reason as StoreError).kind).toBe("unavailable");
        }
      const inOrder = revisions.toSorted((a, b) => (a < b ? -1 : 1));
      expect(inOrder).toEqual(inOrder.map((_, n) => BigInt(n + 1)));
      expect(head().revision).toBe(BigInt(revisions.length));
    }),
    { numRuns: 150 },
  );
});
