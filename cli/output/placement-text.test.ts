import { create } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import { toTimestamp } from "../../core/time.ts";
import { Suitability } from "../../gen/berth/v1/explanation_pb.ts";
import { PlacementSchema } from "../../gen/berth/v1/placement_pb.ts";
import { anAttempt, START_MS } from "../../test/builders.ts";
import { placementSection } from "./placement-text.ts";

const { PREFERRED, FITS, AVOIDED } = Suitability;

const linesOf = (placement: object): readonly string[] =>
  placementSection(
    anAttempt(3, {
      placement: create(PlacementSchema, {
        workerId: "w1",
        scheduler: "spread",
        placeTime: toTimestamp(START_MS - 4_000),
        ...placement,
      }),
    }),
    { nowMs: START_MS, width: 80 },
  ).split("\n");

test("the chosen worker comes first, then those that came next and why they did", () => {
  const best = { score: 0.5, affinity: 50, suitability: FITS };
  const lines = linesOf({
    ...best,
    runnerUps: [
      { workerId: "w2", ...best },
      { workerId: "w3", score: 0.9, lead: 2, suitability: FITS },
      { workerId: "w5", score: 0.9, suitability: FITS },
      { workerId: "w4", score: 0.9, suitability: AVOIDED },
    ],
    exclusions: [{ filter: "ready", workerCount: 2, explanation: "2 workers not ready" }],
  });
  expect(lines).toEqual([
    "Attempt 3, placed 4s ago by spread: best worker first",
    "  WORKER   SCORE   WHY",
    "  w1         0.5   affinity 50, chosen",
    "  w2         0.5   affinity 50, equal, but later by ID",
    "  w3         0.9   2 of its name there, more than on the chosen",
    "  w5         0.9   less affinity",
    "  w4         0.9   comes last: the task keeps failing there",
    "  not possible: 2 workers not ready",
    "",
  ]);
});

test("a worker that was chosen for what happened there before says so, and what it gave", () => {
  const assigned = { gpu: { ids: ["GPU-a"] } };
  expect(linesOf({ suitability: PREFERRED, assigned })[2]).toBe(
    "  w1           0   chosen: the task ran there before, gpu: GPU-a",
  );
  expect(linesOf({ suitability: AVOIDED })[2]).toBe(
    "  w1           0   chosen: no other could take it, the task keeps failing there",
  );
});
