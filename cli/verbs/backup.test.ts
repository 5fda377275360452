import { mkdtempSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "@jest/globals";
import { systemClock } from "../../lib/clock.ts";
import { openLmdbStore } from "../../lib/store/lmdb-store.ts";
import { exitCodes } from "../exit-codes.ts";
import { runProgram } from "../program.ts";
import { createFakeContext } from "../testing/fake-context.ts";
import { createFakeTerminal } from "../testing/fake-terminal.ts";

const root = mkdtempSync(join(tmpdir(), "berth-verbs-"));
afterAll(() => rm(root, { recursive: true }));

const stateDir = join(root, "state");
const file = join(root, "file");

/** What a command line says, and how it ends. Lines on stderr are marked with `! `. */
async function run(...args: readonly string[]) {
  const { context, terminal } = createFakeContext();
  const exitCode = await runProgram(args, { ...context, clock: systemClock });
  return { exitCode, printed: terminal.printed() };
}

async function makeStore(): Promise<void> {
  const store = await openLmdbStore({ folder: join(stateDir, "manager"), clock: systemClock });
  const put = (key: string, text: string) =>
    ({ kind: "put", key, value: Buffer.from(text) }) as const;
  await store.commit({ writes: [put("meta/cluster-id", "c1"), put("meta/epoch", "1")] });
  await store.commit({ writes: [put("task/a", "a")] });
  await store.close();
}

test("a store is backed up and restored elsewhere, and both say what they did", async () => {
  await makeStore();
  const backup = await run("backup", "--state-dir", stateDir, file);
  expect(backup).toEqual({
    exitCode: exitCodes.ok,
    printed: expect.stringMatching(/^cluster c1, tasks: 1, \d+ B in .*\/file$/),
  });
  const target = join(root, "target");
  const restore = await run("restore", file, "--state-dir", target);
  expect(restore).toEqual({
    exitCode: exitCodes.ok,
    printed: expect.stringMatching(/^cluster c1, tasks: 1, as it was at 20.*, in .*\/manager$/),
  });
  expect(await run("restore", file, "--state-dir", target)).toEqual({
    exitCode: exitCodes.storeFailed,
    printed: expect.stringContaining("! error: the restore failed: the store in"),
  });
  await writeFile(file, (await readFile(file)).subarray(1));
  expect(await run("restore", file, "--state-dir", join(root, "other"))).toEqual({
    exitCode: exitCodes.storeFailed,
    printed: `! error: the restore failed: ${file} is not a backup of Berth: name what \`berth backup\` wrote`,
  });
});

test("a backup that goes to a pipe goes there alone, and not to a screen", async () => {
  await makeStore();
  const { exitCode, printed } = await run("backup", "--state-dir", stateDir, "-");
  expect(exitCode).toBe(exitCodes.ok);
  expect(printed).toMatch(/^berth-backup 1\n/);
  expect(printed).not.toContain("! ");
  const { context } = createFakeContext();
  const screen = { ...context, terminal: createFakeTerminal({ env: {}, columns: 80 }) };
  expect(await runProgram(["backup", "--state-dir", stateDir, "-"], screen)).toBe(exitCodes.usage);
  expect(screen.terminal.printed()).toContain("a backup is not for a screen");
});

test("a copy that is interrupted ends without a file", async () => {
  await makeStore();
  const { context, interruption } = createFakeContext();
  interruption.abort();
  const target = join(root, "interrupted");
  const world = { ...context, clock: systemClock };
  const exitCode = await runProgram(["backup", "--state-dir", stateDir, target], world);
  expect(exitCode).toBe(exitCodes.interrupted);
  await expect(readFile(target)).rejects.toThrow("ENOENT");
});

test("a move says where to, and which flag names it", async () => {
  expect(await run("migrate", "--state-dir", stateDir)).toEqual({
    exitCode: exitCodes.usage,
    printed: expect.stringContaining("--to is missing"),
  });
  const refused = await run("migrate", "--to", "etcd://u@h:1", "--state-dir", stateDir);
  expect(refused.printed).toContain("--to names the user u, and there is no password");
});
