import { expect, test } from "@jest/globals";
import { schedule, submit } from "../../core/task-change.ts";
import { aPlacedTask, aSpec, START_MS } from "../../test/builders.ts";
import { createDeliveries } from "./deliveries.ts";
import type { Ledger } from "./ledger.ts";
import { createManagerRig } from "./testing/manager-rig.ts";

test("tells a worker's listeners of its pushes, and nobody else, until they leave", async () => {
  const { ledger } = await createManagerRig();
  const deliveries = createDeliveries(ledger);
  const told: string[] = [];
  const listen = (workerId: string, name: string) =>
    deliveries.subscribe(
      workerId,
      ({ kind, taskId }) => void told.push(`${name}: ${kind} ${taskId}`),
    );
  const leave = listen("w1", "first");
  listen("w1", "second");
  listen("w2", "other");
  await place(ledger, "t1");
  leave();
  await place(ledger, "t2");
  expect(told).toEqual(["first: start t1", "second: start t1", "second: start t2"]);
});

async function place(ledger: Ledger, id: string): Promise<void> {
  const { task } = submit(id, aSpec({}, id), START_MS);
  const { placement } = aPlacedTask(id).attempt ?? {};
  if (placement) await ledger.commit([schedule(task, placement, START_MS)]);
}
