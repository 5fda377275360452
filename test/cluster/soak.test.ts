import { expect, test } from "@jest/globals";
import { soak } from "./soak.ts";

/** Seeds of an ordinary run. `SOAK_SEEDS=200` soaks for longer, `SOAK_SEED=7` repeats one. */
const SEEDS_DEFAULT = 4;

const { SOAK_SEED, SOAK_SEEDS } = process.env;
const seeds =
  SOAK_SEED === undefined
    ? Array.from({ length: Number(SOAK_SEEDS ?? SEEDS_DEFAULT) }, (_, index) => index + 1)
    : [Number(SOAK_SEED)];

test.each(seeds)(
  "whatever happens, all ends as wished (seed %d)",
  async (seed) => {
    expect(await soak(seed)).toBe("");
  },
  60_000,
);
