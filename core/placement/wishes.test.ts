import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { createPlacer } from "./place.ts";
import { amount, demand, worker } from "./samples.ts";
import { spread } from "./spread.ts";
import type { Wishes } from "./wishes.ts";

const wish = (wishes: Partial<Record<"avoid" | "exclude", readonly string[]>>, prefer?: string) =>
  ({
    prefer,
    avoid: new Set(wishes.avoid),
    exclude: new Set(wishes.exclude),
  }) satisfies Wishes;

/** Workers of which the first is the emptiest. */
const placerOf = (...ids: readonly string[]) =>
  createPlacer(ids.map((id, index) => worker(id, { reserved: amount(index * 100), taskCount: 9 })));

const chosenBy = (wishes: Wishes, ...ids: readonly string[]) => {
  const decision = placerOf(...ids).place(demand({ amount: amount(10) }), spread, wishes);
  return decision.kind === "placed"
    ? [decision.workerId, ...decision.runnerUps.map(({ workerId }) => workerId)].join("")
    : decision.explanation;
};

describe("the wishes of a task", () => {
  test("prefer a worker over better ones", () => {
    expect(chosenBy(wish({}, "c"), "a", "b", "c", "d", "e", "f")).toBe("cabd");
  });

  test("do not prefer a worker that cannot take it, or that nobody knows", () => {
    const full = worker("c", { reserved: amount(4_000) });
    const placer = createPlacer([worker("a"), full]);
    const decision = placer.place(demand({ amount: amount(10) }), spread, wish({}, "c"));
    expect(decision).toMatchObject({ kind: "placed", workerId: "a" });
    expect(chosenBy(wish({}, "z"), "a")).toBe("a");
  });

  test("avoid a worker while another can take it", () => {
    expect(chosenBy(wish({ avoid: ["a", "b"] }), "a", "b", "c", "d", "e", "f")).toBe("cdef");
    expect(chosenBy(wish({ avoid: ["a", "b"] }), "a", "b")).toBe("ab");
  });

  test("are told with the workers they put first and last", () => {
    const wishes = wish({ avoid: ["b"] }, "c");
    const decision = placerOf("a", "b", "c").place(demand({ amount: amount(10) }), spread, wishes);
    expect(decision).toMatchObject({
      workerId: "c",
      wish: "preferred",
      runnerUps: [{ workerId: "a" }, { workerId: "b", wish: "avoided" }],
    });
  });

  test("exclude a worker, and say so when no other is left", () => {
    expect(chosenBy(wish({ exclude: ["a"] }), "a", "b")).toBe("b");
    expect(chosenBy(wish({ exclude: ["a"] }), "a")).toBe("1 worker refused it");
    expect(chosenBy(wish({ exclude: ["a", "b"] }), "a", "b")).toBe("2 workers refused it");
  });

  test("count what they chose", () => {
    const placer = createPlacer([worker("a"), worker("b", { capacity: amount(15) })]);
    const small = demand({ amount: amount(10) });
    const ids = [1, 2].map(() => placer.place(small, spread, wish({}, "b")));
    expect(ids).toMatchObject([{ workerId: "b" }, { workerId: "a" }]);
  });
});

test("whatever is wished, a placement is found where one is allowed, and no excluded one", () => {
  const anyIds = fc.subarray(["a", "b", "c", "d", "e", "f", "g"]);
  fc.assert(
    fc.property(anyIds, anyIds, anyIds, (ids, avoid, exclude) => {
      const placer = placerOf(...ids);
      // Asked twice, so that the second answer comes from a kept survey.
      for (const count of [1, 2]) {
        const decision = placer.place(demand(), spread, wish({ avoid, exclude }));
        const allowed = ids.filter((id) => !exclude.includes(id));
        const liked = allowed.filter((id) => !avoid.includes(id));
        expect([count, decision.kind]).toEqual([count, allowed.length > 0 ? "placed" : "unplaced"]);
        if (decision.kind === "unplaced") continue;
        expect(liked.length > 0 ? liked : allowed).toContain(decision.workerId);
      }
    }),
  );
});
