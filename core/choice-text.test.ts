import { create } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import { Suitability } from "../gen/berth/v1/explanation_pb.ts";
import { PlacementSchema } from "../gen/berth/v1/placement_pb.ts";
import { choiceText } from "./choice-text.ts";

const { PREFERRED, FITS, AVOIDED } = Suitability;

type Standing = Readonly<{
  suitability: Suitability;
  lead: number;
  affinity: number;
  score: number;
}>;

/** Why w1 was chosen before w2. */
const textOf = (chosen: Partial<Standing>, next?: Partial<Standing>): string =>
  choiceText(
    create(PlacementSchema, {
      workerId: "w1",
      suitability: FITS,
      score: 0.5,
      ...chosen,
      runnerUps: next ? [{ workerId: "w2", suitability: FITS, score: 0.5, ...next }] : [],
    }),
  );

test("the first of what counts that sets the best apart is the reason", () => {
  const [better, worse] = [
    { lead: 0, affinity: 50, score: 0.9 },
    { lead: 2, affinity: 10, score: 0.7 },
  ];
  expect(textOf(better, worse)).toBe("for having fewest of its name: 0 (next best 2)");
  expect(textOf(better, { ...worse, lead: 0 })).toBe("for its affinity 50 (next best 10)");
  expect(textOf(better, { ...better, score: 0.7 })).toBe("for its score 0.9 (next best 0.7)");
  expect(textOf(better, better)).toBe(
    "as the first by ID of the best, with affinity 50 and score 0.9",
  );
});

test("a difference that rounding would hide is shown", () => {
  expect(textOf({ score: 0.50001 }, { score: 0.5 })).toBe("for its score 0.50001 (next best 0.5)");
});

test("what the task's past says goes before all that", () => {
  expect(textOf({ suitability: PREFERRED }, { score: 1 })).toBe("because it ran there before");
  expect(textOf({ score: 0.1 }, { score: 0.9, suitability: AVOIDED })).toBe(
    "as the only worker on which it does not keep failing",
  );
  expect(textOf({ suitability: AVOIDED })).toBe(
    "though it keeps failing there: no other worker could take it",
  );
  expect(textOf({})).toBe("as the only worker that could take it");
});
