import { expect, test } from "@jest/globals";
import { FailureReason } from "../../gen/berth/v1/task_pb.ts";
import { systemClock } from "../../lib/clock.ts";
import { silentLog } from "../../lib/log.ts";
import type { StateFile } from "./state-folder.ts";
import { openVerdicts } from "./verdicts.ts";

const first = { taskId: "t1", attempt: 1 };
const second = { taskId: "t1", attempt: 2 };
const unhealthy = { reason: FailureReason.UNHEALTHY, message: "it answers 500" };

/** A file whose writes end when a test says so. */
function createFile(text?: string) {
  const texts = text === undefined ? [] : [text];
  const ends: (() => void)[] = [];
  const file: StateFile = {
    path: "verdicts.json",
    read: async () => texts.at(-1),
    write: (next) =>
      new Promise((resolve) => {
        ends.push(() => {
          texts.push(next);
          resolve();
        });
      }),
  };
  const endAll = async () => {
    for (let turn = 0; turn < 5; turn++) {
      for (const end of ends.splice(0)) end();
      await systemClock.turn();
    }
  };
  return { file, texts, endAll };
}

test("a verdict outlives the worker once it is noted", async () => {
  const { file, endAll } = createFile();
  const verdicts = await openVerdicts(file, silentLog);
  const noted = verdicts.note(first, unhealthy);
  await endAll();
  await noted;
  expect((await openVerdicts(file, silentLog)).find(first)).toEqual(unhealthy);
  expect((await openVerdicts(file, silentLog)).find(second)).toBeUndefined();
});

test("verdicts that come while one is written go together", async () => {
  const { file, texts, endAll } = createFile();
  const verdicts = await openVerdicts(file, silentLog);
  const attempts = [1, 2, 3, 4].map((attempt) => ({ taskId: "t1", attempt }));
  const noted = Promise.all(attempts.map((key) => verdicts.note(key, unhealthy)));
  await endAll();
  await noted;
  expect(texts.length).toBeLessThanOrEqual(2);
});

test("a verdict that is there already is not written again", async () => {
  const { file, texts, endAll } = createFile();
  const verdicts = await openVerdicts(file, silentLog);
  const noted = verdicts.note(first, unhealthy);
  await endAll();
  await noted;
  await verdicts.note(first, unhealthy);
  expect(texts).toHaveLength(1);
});

test("what is dropped is gone, in the next life too", async () => {
  const { file, endAll } = createFile();
  const verdicts = await openVerdicts(file, silentLog);
  void verdicts.note(first, unhealthy);
  void verdicts.note(second, unhealthy);
  verdicts.keepOnly([second]);
  await endAll();
  const next = await openVerdicts(file, silentLog);
  expect([next.find(first), next.find(second)]).toEqual([undefined, unhealthy]);
});

test("a disk that fails is told, and holds nothing up", async () => {
  const warnings: string[] = [];
  const log = { ...silentLog, warn: (_: object, message: string) => void warnings.push(message) };
  const write = async () => {
    throw new Error("no space left on device");
  };
  const verdicts = await openVerdicts({ ...createFile().file, write }, log);
  await verdicts.note(first, unhealthy);
  expect(verdicts.find(first)).toEqual(unhealthy);
  expect(warnings).toEqual(["verdicts not written"]);
});

test.each([
  "{",
  '{"version":2,"verdicts":[]}',
  '{"version":1}',
  '{"version":1,"verdicts":[{"key":{"taskId":"t1","attempt":1}}]}',
])("a file that makes no sense is told and forgotten: %s", async (text) => {
  const warnings: string[] = [];
  const log = { ...silentLog, warn: (_: object, message: string) => void warnings.push(message) };
  expect((await openVerdicts(createFile(text).file, log)).find(first)).toBeUndefined();
  expect(warnings).toEqual(["verdicts of earlier lives not read"]);
});
