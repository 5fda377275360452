import { create } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import { toTimestamp } from "../../core/time.ts";
import { WorkerPresenceSchema, WorkerState } from "../../gen/berth/v1/worker_pb.ts";
import { createWorkerTable, isTakenOver, type WorkerTable } from "./worker-table.ts";

type Said = Readonly<{ workerId: string; address: string; atMs: number; state?: WorkerState }>;

function say(table: WorkerTable, { workerId, address, atMs, state = WorkerState.UP }: Said): void {
  const registerTime = toTimestamp(atMs);
  table.setPresence(
    create(WorkerPresenceSchema, { workerId, state, registerTime, description: { address } }),
  );
}

const isGone = (table: WorkerTable, workerId: string): boolean => {
  const worker = table.get(workerId);
  return worker !== undefined && isTakenOver(worker, table);
};

test("who registered last at an address has it", () => {
  const table = createWorkerTable();
  say(table, { workerId: "old", address: "a:1", atMs: 1 });
  say(table, { workerId: "else", address: "b:1", atMs: 3 });
  expect(isGone(table, "old")).toBe(false);
  say(table, { workerId: "new", address: "a:1", atMs: 2 });
  expect([isGone(table, "old"), isGone(table, "new"), isGone(table, "else")]).toEqual([
    true,
    false,
    false,
  ]);
});

test("who is not up has taken nothing over", () => {
  const table = createWorkerTable();
  say(table, { workerId: "old", address: "a:1", atMs: 1 });
  say(table, { workerId: "new", address: "a:1", atMs: 2, state: WorkerState.DOWN });
  expect(isGone(table, "old")).toBe(false);
});

test("a worker that moved is where it says it is now, and nowhere else", () => {
  const table = createWorkerTable();
  say(table, { workerId: "w1", address: "a:1", atMs: 1 });
  say(table, { workerId: "w1", address: "b:1", atMs: 2 });
  expect(table.at("a:1")).toEqual([]);
  expect(table.at("b:1")).toMatchObject([{ workerId: "w1" }]);
});
