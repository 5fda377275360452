import { expect, test } from "@jest/globals";
import { createFleet, type Fleet, known } from "./fleet.ts";
import type { Journal } from "./journal.ts";
import { amount, demand, worker } from "./samples.ts";

/** Which workers changed; undefined: that is forgotten. */
function since(journal: Journal, time: number): readonly string[] | undefined {
  const found: string[] = [];
  return journal.replay(time, ({ workerId }) => found.push(workerId)) ? found : undefined;
}

const choose = (fleet: Fleet, workerId: string, turn: number) =>
  fleet.choose(known(fleet.get(workerId)).seat, { demand: demand() }, turn);

const ids = (slots: readonly { workerId: string }[] | undefined) =>
  slots?.map(({ workerId }) => workerId);

test("tells which workers changed since a time", () => {
  const fleet = createFleet();
  const { changes } = fleet;
  fleet.set(worker("a"));
  const time = changes.time();
  fleet.set(worker("b"));
  choose(fleet, "a", 7);
  fleet.remove("b");
  expect(since(changes, time)).toEqual(["b", "a", "b"]);
  expect(since(changes, changes.time())).toEqual([]);
});

test("forgets changes of long ago and says so", () => {
  const fleet = createFleet();
  const { changes } = fleet;
  const start = changes.time();
  for (let i = 0; i < 2000; i++) fleet.set(worker("a"));
  expect(since(changes, start)).toBeUndefined();
  expect(since(changes, changes.time() - 10)).toHaveLength(10);
});

test("tells measurements apart from all other changes", () => {
  const fleet = createFleet();
  const { changes, steadyChanges } = fleet;
  fleet.set(worker("a"));
  const [time, steadyTime] = [changes.time(), steadyChanges.time()];
  fleet.observe(worker("a", { diskAvailableBytes: 5 }));
  expect(fleet.get("a")?.candidate?.diskAvailableBytes).toBe(5);
  expect(since(changes, time)).toEqual(["a"]);
  expect(since(steadyChanges, steadyTime)).toEqual([]);
  fleet.set(worker("a"));
  expect(since(steadyChanges, steadyTime)).toEqual(["a"]);
});

test("measures on no value that it was given", () => {
  const metrics = { cpuPercent: 1, memoryTotalBytes: 2, memoryAvailableBytes: 3 };
  const given = worker("a", { metrics });
  const fleet = createFleet();
  fleet.observe(given);
  fleet.observe(worker("a", { metrics: { ...metrics, cpuPercent: 9 } }));
  expect(fleet.get("a")?.candidate?.metrics).toEqual({ ...metrics, cpuPercent: 9 });
  expect(metrics.cpuPercent).toBe(1);
  fleet.observe(worker("a"));
  expect(fleet.get("a")?.candidate?.metrics).toBeUndefined();
});

test("says what the news of a worker mean", () => {
  const fleet = createFleet();
  expect(fleet.observe(worker("a"))).toBe("new");
  expect(fleet.observe(worker("a", { diskAvailableBytes: 5 }))).toBe("same");
  expect(fleet.observe(worker("a", { diskAvailableBytes: 6 }))).toBe("more");
  expect(fleet.observe(worker("a", { ready: false }))).toBe("different");
});

test("keeps workers in the order of their IDs as they come and go", () => {
  const fleet = createFleet();
  for (const id of ["c", "a", "b"]) fleet.set(worker(id));
  expect(ids(fleet.slots())).toEqual(["a", "b", "c"]);
  const slot = fleet.get("a");
  fleet.remove("a");
  fleet.remove("a");
  expect(slot?.candidate).toBeUndefined();
  expect(ids(fleet.slots())).toEqual(["b", "c"]);
  fleet.remove("b");
  fleet.remove("c");
  expect(fleet.slots()).toEqual([]);
});

test("keeps when a worker was last chosen, until it is removed", () => {
  const fleet = createFleet();
  fleet.set(worker("a"));
  choose(fleet, "a", 3);
  fleet.set(worker("a"));
  expect(fleet.get("a")?.lastChosen).toBe(3);
  fleet.remove("a");
  fleet.set(worker("a"));
  expect(fleet.get("a")?.lastChosen).toBe(0);
});

test("keeps what is booked when a worker is observed, and sets it otherwise", () => {
  const fleet = createFleet();
  const holding = { demand: demand({ amount: amount(500) }) };
  expect(fleet.book("a", holding)).toBe(false);
  fleet.observe(worker("a", { reserved: amount(9), taskCount: 9 }));
  fleet.book("a", holding);
  fleet.observe(worker("a", { ready: false }));
  expect(fleet.get("a")?.candidate).toMatchObject({ ready: false, reserved: amount(500) });
  fleet.unbook("a", holding);
  expect(fleet.get("a")?.candidate).toMatchObject({ reserved: amount(), taskCount: 0 });
  fleet.set(worker("a", { reserved: amount(7), taskCount: 2 }));
  expect(fleet.get("a")?.candidate).toMatchObject({ reserved: amount(7), taskCount: 2 });
});

test("books on no value that it was given", () => {
  const fleet = createFleet();
  const given = worker("a");
  fleet.set(given);
  fleet.book("a", { demand: demand({ amount: amount(500) }) });
  expect(given).toEqual(worker("a"));
});

test("gives no two workers one seat, as they come and go", () => {
  const fleet = createFleet();
  for (const id of ["a", "b", "c"]) fleet.set(worker(id));
  fleet.remove("b");
  for (const id of ["d", "e"]) fleet.set(worker(id));
  const seats = fleet.slots().map(({ seat }) => seat);
  expect([new Set(seats).size, Math.max(...seats)]).toEqual([4, 3]);
});
