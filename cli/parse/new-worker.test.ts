import { expect, test } from "@jest/globals";
import { problemIn, valueIn } from "../testing/parsing.ts";
import { parseNewWorker } from "./new-worker.ts";

test("reads what a new worker has", () => {
  expect(
    valueIn(
      parseNewWorker(
        "cpu=4,memory=8g,disk=1g,platform=linux/arm64,label:zone=a,label:rack,resource:gpu=2," +
          "capability=network-host,capability=x,count=3",
      ),
    ),
  ).toMatchObject({
    capacity: {
      cpuMillis: 4000n,
      memoryBytes: 8n * 1024n ** 3n,
      diskBytes: 1024n ** 3n,
      custom: { gpu: { count: 2n } },
    },
    platform: "linux/arm64",
    labels: { zone: "a", rack: "" },
    capabilities: ["network-host", "x"],
    count: 3,
  });
});

test.each([
  ["cpus=4", "must be KEY=VALUE"],
  ["label:=a", "must be KEY=VALUE"],
  ["", "must be KEY=VALUE"],
  ["cpu=many", 'has cpu that is "many"'],
  ["memory=8x", 'has memory that is "8x"'],
  ["count=0", 'has count that is "0"'],
  ["resource:gpu=", "has resource:gpu that"],
  ["cpu=1,cpu=2", "gives cpu a second time"],
])("refuses %j", (text, problem) => {
  expect(problemIn(parseNewWorker(text))).toContain(problem);
});
