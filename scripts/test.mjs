#!/usr/bin/env node
// Runs jest projects one after the other and adds up their results:   scripts/test.mjs PROJECT...
// `e2e-etcd` is `e2e` once more with the manager's store in etcd, but for tests without a manager.
//
// Ends in the line `N passed, N failed`, also kept in .test/summary. Fails when a test failed, and
// when a project ran none: a run that tested nothing proves nothing. Tests that this machine cannot
// run are counted in that line too, and told by name with the reason in it. Projects `e2e`,
// `compose` and `faults` need an engine at DOCKER_HOST.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, readFileSync, rmSync, watch, writeFileSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";

const FOLDER = ".test";

const NEED_ENGINE = new Set(["e2e", "compose", "faults"]);

/** Tests that need nothing but Node have all cores; others look at processes that need some too. */
const RUNS = {
  unit: { args: ["--maxWorkers=100%"] },
  "e2e-etcd": {
    project: "e2e",
    args: ["--testPathIgnorePatterns=/docker-"],
    env: { BERTH_E2E_STORE: "etcd" },
  },
};

/** How long jest may take to end after its results are there. */
const EXIT_MS = 15_000;

const names = process.argv.slice(2);
const sums = [];
mkdirSync(FOLDER, { recursive: true });
for (const name of names) sums.push(await run(name));
tell(sums);

async function run(name) {
  process.stdout.write(`\n== ${name} tests\n`);
  const startMs = performance.now();
  const results = `${name}.json`;
  rmSync(join(FOLDER, results), { force: true });
  const { project = name, args = [], env = {} } = RUNS[name] ?? {};
  const output = ["--json", "--outputFile", join(FOLDER, results)];
  const path = NEED_ENGINE.has(project) ? { PATH: pathWithBusybox() } : {};
  const jest = spawn("jest", ["--selectProjects", project, ...args, ...output], {
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, ...path, ...env },
  });
  const notes = await ended(jest, results);
  const seconds = Math.round((performance.now() - startMs) / 1_000);
  process.stdout.write(`${name} took ${seconds} s\n`);
  return { name, ...sumOf(results), notes };
}

/** Waits for jest to end. One that only waits for what a test left open is ended, and that is told. */
async function ended(jest, results) {
  const notes = [];
  let timer;
  const watcher = watch(FOLDER, (_event, name) => {
    if (name === results) timer ??= setTimeout(giveUp, EXIT_MS);
  });
  function giveUp() {
    notes.push("a test left something open: jest had to be ended");
    jest.kill("SIGKILL");
  }
  await once(jest, "close");
  clearTimeout(timer);
  watcher.close();
  return notes;
}

function sumOf(results) {
  const read = readResults(results);
  if (!read) return { passed: 0, failed: 1, problem: "no results: the run was broken off" };
  const { numPassedTests: passed, numFailedTests } = read;
  // A file that could not be run counts as one failure: its tests are not in jest's count.
  const failed = numFailedTests + read.numRuntimeErrorTestSuites;
  if (passed + failed === 0) return { passed, failed: 1, problem: "no test ran" };
  return { passed, failed, notRun: notRunOf(read) };
}

function notRunOf({ testResults }) {
  return testResults.flatMap(({ assertionResults }) =>
    assertionResults.filter(({ status }) => status === "pending").map(({ fullName }) => fullName),
  );
}

function readResults(results) {
  try {
    return JSON.parse(readFileSync(join(FOLDER, results), "utf8"));
  } catch (error) {
    if (error.code === "ENOENT") return undefined;
    throw error;
  }
}

function tell(sums) {
  const total = (key) => sums.reduce((sum, one) => sum + one[key], 0);
  const notRun = sums.flatMap((one) => one.notRun ?? []);
  const rest = notRun.length > 0 ? `, ${notRun.length} not run` : "";
  const line = `${total("passed")} passed, ${total("failed")} failed${rest}\n`;
  process.stdout.write("\n");
  for (const { name, problem, notRun = [], notes } of sums)
    for (const note of [problem, ...notRun.map((test) => `not run: ${test}`), ...notes])
      if (note) process.stdout.write(`${name}: ${note}\n`);
  writeFileSync(join(FOLDER, "summary"), line);
  process.stdout.write(line);
  process.exitCode = total("failed") > 0 || total("passed") === 0 ? 1 : 0;
}

/**
 * The e2e tests make their image of the first busybox in PATH. Many hosts have one that is not
 * static, and so does not run alone.
 */
function pathWithBusybox() {
  const script = join(import.meta.dirname, "busybox.sh");
  const busybox = execFileSync(script, [join(FOLDER, "busybox")], { encoding: "utf8" }).trim();
  const bin = resolve(FOLDER, "bin");
  cpSync(busybox, join(bin, "busybox"), { dereference: true });
  return `${bin}${delimiter}${process.env.PATH}`;
}
