import { expect, test } from "@jest/globals";
import { systemClock } from "./clock.ts";
import { createPump } from "./pump.ts";
import { createGate } from "./rpc/testing/gate.ts";

/** A pump whose work is held up until `gate` opens. */
function createRig(gate = createGate(), limit = 3) {
  const batches: (readonly number[])[] = [];
  const failures: unknown[] = [];
  const pump = createPump<number>({
    limit,
    async work(take) {
      batches.push(take());
      await gate.opened;
    },
    onFailure: (error) => failures.push(error),
  });
  return { pump, batches, failures, gate };
}

const settled = () => systemClock.turn();

test("what is posted before it opens is worked off when it does", () => {
  const { pump, batches } = createRig();
  pump.post(1);
  pump.post(2);
  expect(batches).toEqual([]);
  pump.open();
  expect(batches).toEqual([[1, 2]]);
});

test("what comes while it works is taken together, and then it waits for nothing", async () => {
  const { pump, batches, gate } = createRig();
  pump.open();
  for (const item of [1, 2, 3]) pump.post(item);
  expect(batches).toEqual([[1]]);
  gate.open();
  await settled();
  expect(batches).toEqual([[1], [2, 3]]);
  pump.post(4);
  expect(batches).toEqual([[1], [2, 3], [4]]);
});

test("more than its limit is its failure, told once", () => {
  const { pump, batches, failures } = createRig();
  for (const item of [1, 2, 3, 4, 5]) pump.post(item);
  pump.open();
  expect(failures).toMatchObject([{ rawMessage: expect.stringContaining("more than 3 items") }]);
  expect(batches).toEqual([]);
});

test("work that throws closes it, with what was thrown", async () => {
  const failures: unknown[] = [];
  const pump = createPump<number>({
    limit: 3,
    work: () => Promise.reject(new Error("no")),
    onFailure: (error) => failures.push(error),
  });
  pump.open();
  pump.post(1);
  await settled();
  pump.post(2);
  await settled();
  expect(failures).toEqual([new Error("no")]);
});

test("closing drops what waits and waits for what is under way", async () => {
  const { pump, batches, failures, gate } = createRig();
  pump.open();
  pump.post(1);
  pump.post(2);
  let isClosed = false;
  const closed = pump.close().then(() => {
    isClosed = true;
  });
  pump.post(3);
  await settled();
  expect(isClosed).toBe(false);
  gate.open();
  await closed;
  expect([batches, failures]).toEqual([[[1]], []]);
});
