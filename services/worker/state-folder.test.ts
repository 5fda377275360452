import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "@jest/globals";
import { loadState, type StateFile, saveState } from "./state-folder.ts";
import { lockStateFolder, openStateFolder } from "./state-folder-disk.ts";

function memoryFile(text?: string): StateFile {
  let held = text;
  return {
    path: "folder/worker.json",
    read: async () => held,
    write: async (next) => {
      held = next;
    },
  };
}

const state = { workerId: "w1", clusterId: "c1", epoch: 12_345_678_901_234n };

test("what is saved is what is loaded", async () => {
  const file = memoryFile();
  expect(await loadState(file)).toBeUndefined();
  await saveState(file, state);
  expect(await loadState(file)).toMatchObject(state);
  await saveState(file, { ...state, clusterId: undefined });
  expect((await loadState(file))?.clusterId).toBeUndefined();
});

test.each([
  ["", "is not JSON"],
  ["[", "is not JSON"],
  ["3", "is not a JSON object"],
  ['{"version":9,"workerId":"w1","epoch":"1"}', "has version 9"],
  ['{"version":1,"workerId":"W 1","epoch":"1"}', "has no valid workerId"],
  ['{"version":1,"workerId":"w1","clusterId":7,"epoch":"1"}', "has no valid clusterId"],
  ['{"version":1,"workerId":"w1","epoch":-1}', "has no valid epoch"],
])("a file with %p is refused by name and with a remedy", async (text, explanation) => {
  const message = await loadState(memoryFile(text)).catch((error: Error) => error.message);
  expect(message).toContain(`folder/worker.json ${explanation}`);
  expect(message).toContain("restore it from a copy");
});

describe("on a real disk", () => {
  const folders: string[] = [];
  afterEach(async () => {
    for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
  });

  test("one process at a time works in it", async () => {
    const folder = await mkdtemp(join(tmpdir(), "berth-state-"));
    folders.push(folder);
    const lock = await lockStateFolder(folder);
    await expect(lockStateFolder(folder)).rejects.toThrow(
      `state folder ${folder} is in use by this process ${process.pid}: stop it or`,
    );
    await lock.release();
    await (await lockStateFolder(folder)).release();
  });

  test("the state outlives the process and only its user can read it", async () => {
    const parent = await mkdtemp(join(tmpdir(), "berth-state-"));
    folders.push(parent);
    const folder = join(parent, "worker");
    await saveState((await openStateFolder(folder)).identity, state);
    await saveState((await openStateFolder(folder)).identity, { ...state, epoch: 2n });
    expect(await loadState((await openStateFolder(folder)).identity)).toMatchObject({ epoch: 2n });
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    expect((await stat(join(folder, "worker.json"))).mode & 0o777).toBe(0o600);
    expect(await readdir(folder)).toEqual(["worker.json"]);
  });

  test("what was half written before a crash does no harm", async () => {
    const folder = await mkdtemp(join(tmpdir(), "berth-state-"));
    folders.push(folder);
    await saveState((await openStateFolder(folder)).identity, state);
    await writeFile(join(folder, "worker.json.new"), '{"vers');
    expect(await loadState((await openStateFolder(folder)).identity)).toMatchObject(state);
  });
});
