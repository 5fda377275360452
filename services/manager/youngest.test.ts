import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { createYoungest } from "./youngest.ts";

const id = fc.nat(40).map((number) => `t${String(number).padStart(2, "0")}`);
const step = fc.record({ kind: fc.constantFrom("add", "remove", "list"), id });

test("the youngest are what sorting all would find, however ids come and go", () => {
  const run = (steps: readonly Readonly<{ kind: string; id: string }>[]) => {
    const [youngest, all] = [createYoungest(5), new Set<string>()];
    for (const { kind, id } of steps) {
      if (kind === "add") [youngest.add(id), all.add(id)];
      if (kind === "remove") [youngest.remove(id), all.delete(id)];
      if (kind === "list") expect(youngest.list()).toEqual([...all].sort().reverse().slice(0, 5));
    }
    expect(youngest.size).toBe(all.size);
    expect(youngest.list()).toEqual([...all].sort().reverse().slice(0, 5));
  };
  fc.assert(fc.property(fc.array(step, { maxLength: 80 }), run), { seed: 11, numRuns: 500 });
});

test("what was found is not looked for again while none of it goes", () => {
  const youngest = createYoungest(2);
  for (const id of ["t1", "t3", "t2"]) youngest.add(id);
  const found = youngest.list();
  youngest.remove("t1");
  youngest.add("t0");
  expect(youngest.list()).toBe(found);
  expect(found).toEqual(["t3", "t2"]);
});
