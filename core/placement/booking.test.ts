import { expect, test } from "@jest/globals";
import { book, own, unbook } from "./booking.ts";
import { amount, demand, worker } from "./samples.ts";

const web = demand({ amount: amount(500, 64), hostPorts: ["tcp/80"] });

test("adds a task's demand to what is promised, on a new value", () => {
  const before = worker("a", { usedPorts: new Set(["udp/53"]) });
  expect(book(before, web)).toMatchObject({
    reserved: amount(500, 64),
    usedPorts: new Set(["udp/53", "tcp/80"]),
    taskCount: 1,
  });
  expect(before).toMatchObject({ reserved: amount(), taskCount: 0 });
});

test("is undone by giving back", () => {
  const before = own(worker("a"), worker("a", { usedPorts: new Set(["udp/53"]) }));
  expect(unbook(book(before, web), web)).toEqual(before);
});

test("refuses to give back more than was promised", () => {
  expect(() => unbook(worker("a"), web)).toThrow("no more than was promised");
});
