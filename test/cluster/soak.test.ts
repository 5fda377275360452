import { expect, test } from "@jest/globals";
import { soak } from "./soak.ts";

/** Seeds of an ordinary run. `SEEDS=200` soaks for longer, `SEED=7` repeats one. */
const SEEDS_DEFAULT = 4;

const { SEED, SEEDS } = process.env;
const seeds =
  SEED === undefined
    ? Array.from({ length: Number(SEEDS ?? SEEDS_DEFAULT) }, (_, index) => index + 1)
    : [Number(SEED)];

test.each(seeds)(
  "whatever happens, all ends as wished (seed %d)",
  async (seed) => {
    expect(await soak(seed)).toBe("");
  },
  60_000,
);
