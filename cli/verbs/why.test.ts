import { describe, expect, test } from "@jest/globals";
import stringWidth from "string-width";
import { createFakeWorld } from "../testing/fake-world.ts";

async function answerTo(image: string, flags = ""): Promise<readonly string[]> {
  const run = createFakeWorld({});
  await run(`berth run --name web ${flags} ${image}`);
  return (await run("berth why web")).split("\n");
}

describe.each([
  ["pending", "huge", "-m 16g --platform linux/arm64", "web (t1) waits: "],
  ["placed", "nginx", "-p 80", "web (t1) runs on worker-1"],
  ["failed", "crash", "", "web (t1) failed on worker-1"],
])("of a %s task", (_, image, flags, beginning) => {
  test("the first line answers", async () => {
    const [first] = await answerTo(image, flags);
    expect(first?.slice(0, beginning.length)).toBe(beginning);
  });

  test("no line is wider than 80 columns", async () => {
    const widths = (await answerTo(image, flags)).map((line) => stringWidth(line));
    expect(Math.max(...widths)).toBeLessThanOrEqual(80);
  });
});

test("a narrow screen gets narrow lines", async () => {
  const run = createFakeWorld({});
  await run("berth run --name web -m 16g huge");
  const lines = (await run("COLUMNS=60 berth why web")).split("\n");
  expect(Math.max(...lines.map((line) => stringWidth(line)))).toBeLessThanOrEqual(60);
});

test("as JSON it is the manager's whole answer", async () => {
  const run = createFakeWorld({});
  await run("berth run --name web nginx");
  expect(JSON.parse(await run("berth why -o json web"))).toMatchObject({
    task: { id: "t1", attempt: { placement: { workerId: "worker-1" } } },
    summary: "runs on worker-1, chosen by spread as the only worker that could take it",
    workerCount: 3,
    suitableCount: 1,
    workers: [{ workerId: "worker-1", suitability: "SUITABILITY_FITS", attempts: [1] }, {}, {}],
    nextPageToken: "",
  });
});
