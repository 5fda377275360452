import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { lockFolder } from "./folder-lock.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "berth-lock-"));
});

afterEach(() => rm(folder, { recursive: true }));

class Refusal extends Error {}
const lock = (path: string) => lockFolder(path, (problem) => new Refusal(`refused: ${problem}`));

const lockedBy = (text: string) => writeFile(join(folder, "owner.json"), text);

/** The number of a process that has lived and does no more. */
async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ["--version"], { stdio: "ignore" });
  await once(child, "exit");
  return child.pid ?? 0;
}

test("gives a folder to one, and after a release to the next", async () => {
  const first = await lock(folder);
  await expect(lock(folder)).rejects.toThrow(
    `refused: ${folder} is in use by this process ${process.pid}: stop it or choose another`,
  );
  await first.release();
  const second = await lock(folder);
  expect(await readdir(folder)).toEqual(["owner.json"]);
  await second.release();
  expect(await readdir(folder)).toEqual([]);
});

test("takes over from a process that has died", async () => {
  await lockedBy(JSON.stringify({ pid: await deadPid(), startTime: "1" }));
  await lock(folder);
  const owner = JSON.parse(await readFile(join(folder, "owner.json"), "utf8"));
  expect(owner.pid).toBe(process.pid);
});

test("takes over when another process has the number now", async () => {
  const { ppid } = process;
  await lockedBy(JSON.stringify({ pid: ppid, startTime: "1" }));
  await lock(folder);
});

test("respects a living process whose start time nobody knows", async () => {
  await lockedBy(JSON.stringify({ pid: process.ppid }));
  await expect(lock(folder)).rejects.toThrow(`is in use by process ${process.ppid}`);
});

test.each(["", "{", "null", '{"pid":"1"}', '{"pid":-1}'])(
  "takes over a lock that says %j, which no process wrote",
  async (text) => {
    await lockedBy(text);
    await lock(folder);
  },
);

test("gives a stale lock to one of many who want it at the same moment", async () => {
  await lockedBy(JSON.stringify({ pid: await deadPid(), startTime: "1" }));
  const tries = await Promise.allSettled(Array.from({ length: 5 }, () => lock(folder)));
  expect(tries.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  for (const tried of tries)
    if (tried.status === "rejected") expect(tried.reason).toBeInstanceOf(Refusal);
  expect(await readdir(folder)).toEqual(["owner.json"]);
});
