import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { errorsIn, hasNextStep } from "./testing/next-step.ts";

const folder = join(import.meta.dirname, "transcripts");
const names = readdirSync(folder);
const errorsOf = (name: string) => errorsIn(readFileSync(join(folder, name), "utf8"));

const withoutStep = (transcript: string): readonly string[] =>
  errorsIn(transcript)
    .filter((error) => !hasNextStep(error))
    .map(({ message }) => message);

test.each(names)("every error in %s tells what to do next", (name) => {
  expect(withoutStep(readFileSync(join(folder, name), "utf8"))).toEqual([]);
});

test("no error of a transcript is overlooked", () => {
  const shown = names.flatMap((name) => readFileSync(join(folder, name), "utf8").split("\n"));
  const count = shown.filter((line) => line.startsWith("!") && line.includes("error:")).length;
  expect(count).toBeGreaterThan(100);
  expect(names.flatMap(errorsOf)).toHaveLength(count);
});

describe("an error without a next step is found", () => {
  test.each([
    ["that says what is wrong", "! error: there is no web:/nothing\nexit code 1"],
    ["that asks back", "! error: --from is missing: since when?"],
    ["that lists what there is", '! error: "t" may mean 2 tasks:\n!   t1  web\n!   t2  web'],
    ["before one that has one", "! error: it broke\n\n! error: it bent\n!   see: berth ps"],
    ["after one that has one", "! error: it bent\n!   see: berth ps\n! error: it broke"],
  ])("%s", (_what, transcript) => {
    expect(withoutStep(transcript)).toHaveLength(1);
  });
});
