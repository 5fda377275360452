import { execFile } from "node:child_process";
import { cp, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { startCluster, type TestCluster } from "./cluster.ts";
import { ensureImage } from "./engine.ts";
import { linesOf, SCENARIO, settingsFor, withFolder } from "./example.ts";
import { installClient, packClient } from "./install-client.ts";

// The package as its users get it: packed, and installed in a folder of its own.

jest.setTimeout(180_000);

const run = promisify(execFile);
const ROOT = new URL("../../", import.meta.url).pathname;

/** More than this is no longer small. */
const TARBALL_BYTES_MAX = 100_000;

let cluster: TestCluster;
beforeAll(async () => {
  await ensureImage();
  cluster = await startCluster();
});
afterAll(() => cluster?.stop());

test("it is small, and nothing of those who serve is in it", () =>
  withFolder(async (folder) => {
    const tarball = await packClient(folder);
    expect((await stat(tarball)).size).toBeLessThan(TARBALL_BYTES_MAX);
    const { stdout } = await run("tar", ["-tzf", tarball]);
    const files = stdout.trim().split("\n");
    expect(files).toContain("package/README.md");
    expect(
      files.filter((file) => /services|core\/|cli\/|grpc-js|testing|\.test\./.test(file)),
    ).toEqual([]);
    const { stdout: code } = await run("tar", ["-xzOf", tarball, "--wildcards", "package/*.js"]);
    expect(code.includes("// gen/berth/v1/manager_service_pb.ts")).toBe(true);
    const strange = /from "node:|require\(|grpc-js|worker_service_pb|registry_service_pb|core\//;
    expect(strange.exec(code)).toBeNull();
  }));

test("in Node it takes a task from submit to removal", () =>
  withFolder(async (folder) => {
    await installClient(folder);
    for (const name of ["run.mjs", "scenario.mjs"])
      await cp(join(ROOT, "examples/node", name), join(folder, name));
    const env = { ...process.env, ...settingsFor(cluster.managerAddress) };
    const { stdout } = await run(process.execPath, ["run.mjs"], { cwd: folder, env });
    expect(linesOf(stdout)).toEqual(SCENARIO);
  }));

/** A program as strict as there is, that knows the types of browsers only. */
const PROGRAM = `
import { BerthError, createBerthClient, type WatchWord } from "@berth/client";
import { type Task, TaskState } from "@berth/client/contract";

const berth = createBerthClient({ addresses: ["https://berth.example"], silenceMs: 15_000 });
export async function states(): Promise<TaskState[]> {
  const { tasks } = await berth.listTasks({ filter: { states: [TaskState.RUNNING] } });
  return tasks.map(({ state }: Task) => state);
}
export function ageOf(word: WatchWord): number {
  return word.kind === "stale" ? word.staleMs : 0;
}
export const isMissing = (error: unknown): boolean =>
  error instanceof BerthError && error.reason === "TASK_NOT_FOUND";
`;

const MISTAKES = [
  'import { createBerthClient } from "@berth/client";',
  "createBerthClient({ addresses: 7 });",
  'void createBerthClient({ addresses: [] }).submitTask({ spec: { imagee: "a" } });',
  "createBerthClient({ addresses: [] }).execTask;",
];

test("its types hold for a browser's program, without Node's, and find its mistakes", () =>
  withFolder(async (folder) => {
    await installClient(folder);
    const options = {
      ...{ strict: true, noEmit: true, target: "es2022", module: "esnext", skipLibCheck: false },
      ...{ moduleResolution: "bundler", lib: ["es2022", "dom", "dom.iterable"], types: [] },
    };
    const config = { compilerOptions: options, files: ["program.ts"] };
    await writeFile(join(folder, "tsconfig.json"), JSON.stringify(config));
    const tsc = () =>
      run(join(ROOT, "node_modules/.bin/tsc"), ["-p", folder]).catch(
        ({ stdout }: { stdout: string }) => ({ stdout }),
      );
    await writeFile(join(folder, "program.ts"), PROGRAM);
    expect((await tsc()).stdout).toBe("");
    await writeFile(join(folder, "program.ts"), MISTAKES.join("\n"));
    const { stdout } = await tsc();
    expect([...stdout.matchAll(/program\.ts\((\d+),/g)].map(([, line]) => line)).toEqual([
      "2",
      "3",
      "4",
    ]);
  }));

test("what its manifest asks for is what it was made with", async () => {
  const text = await readFile(join(ROOT, "dist/client-package/package.json"), "utf8");
  const ours = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8"));
  const { dependencies, version } = JSON.parse(text);
  expect(version).toBe(ours.version);
  expect(dependencies).toEqual({
    "@bufbuild/protobuf": ours.dependencies["@bufbuild/protobuf"],
    "@connectrpc/connect": ours.dependencies["@connectrpc/connect"],
  });
});
