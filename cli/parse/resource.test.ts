import { describe, expect, test } from "@jest/globals";
import { problemIn, valueIn } from "../testing/parsing.ts";
import { parseNeed, parseOffers } from "./resource.ts";

describe("what a task reserves", () => {
  test.each([
    ["gpu=2", ["gpu", 2n]],
    ["gpu", ["gpu", 1n]],
    ["vendor.com/gpu=1", ["vendor.com/gpu", 1n]],
  ])("is read from %s", (text, need) => expect(valueIn(parseNeed(text))).toEqual(need));

  test.each(["", "=1", "gpu=", "gpu=0", "gpu=-1", "gpu=GPU-a", "gpu=1=2", "gpu=1000001"])(
    "is refused as %j",
    (text) => expect(problemIn(parseNeed(text))).toContain("must be NAME or NAME=COUNT"),
  );
});

const named = (...ids: string[]) => ({ count: ids.length, ids });
const counted = (count: number) => ({ count, ids: [] });

describe("what a worker offers", () => {
  test.each([
    [["gpu=GPU-a,GPU-b"], { gpu: named("GPU-a", "GPU-b") }],
    [["licence=4"], { licence: counted(4) }],
    [["gpu=0,1"], { gpu: named("0", "1") }],
    [["gpu=0,"], { gpu: named("0") }],
    [["gpu=GPU-a", "GPU-b", "licence=4"], { gpu: named("GPU-a", "GPU-b"), licence: counted(4) }],
    [["gpu=0", ""], { gpu: named("0") }],
    [["disk=id=7,id=8"], { disk: named("id=7", "id=8") }],
  ])("is read from %j", (texts, offers) => {
    expect(valueIn(parseOffers(texts))).toEqual(new Map(Object.entries(offers)));
  });

  test.each([
    [["gpu"], "must be NAME=COUNT or NAME=ID,ID"],
    [["gpu="], "must be NAME=COUNT or NAME=ID,ID"],
    [["=a"], "must be NAME=COUNT or NAME=ID,ID"],
    [["gpu=0"], "must be 1 to 1000000"],
    [["gpu=,"], "must be 1 to 1000000"],
    [["gpu=a,a"], "as is one before it"],
    [["gpu=a", "gpu=b"], "offers gpu a second time"],
    [["GPU=1"], "has a name that must be"],
    [["gpu=/dev/../etc"], "a path without .."],
  ])("is refused as %j", (texts, problem) => {
    expect(problemIn(parseOffers(texts))).toContain(problem);
  });
});
