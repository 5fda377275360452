import { expect, test } from "@jest/globals";
import { createBranch } from "./stop.ts";

test("a branch aborts with what it branches from, for the same reason", () => {
  const trunk = new AbortController();
  const branch = createBranch(trunk.signal);
  expect(branch.signal.aborted).toBe(false);
  trunk.abort(new Error("over"));
  expect(branch.signal.reason).toEqual(new Error("over"));
});

test("a branch of what is over is over", () => {
  expect(createBranch(AbortSignal.abort()).signal.aborted).toBe(true);
});

test("a branch that aborts leaves all else as it is", () => {
  const trunk = new AbortController();
  const [branch, other] = [createBranch(trunk.signal), createBranch(trunk.signal)];
  branch.abort();
  expect([branch, trunk, other].map(({ signal }) => signal.aborted)).toEqual([true, false, false]);
});

test("a branch that was released hears nothing more", () => {
  const trunk = new AbortController();
  const branch = createBranch(trunk.signal);
  branch.release();
  trunk.abort();
  expect(branch.signal.aborted).toBe(false);
});
