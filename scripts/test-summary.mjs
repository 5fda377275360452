#!/usr/bin/env node
// Adds up jest's results and prints `N passed, N failed`:   test-summary.mjs FILE...
//
// Files are named as in .test/. One that is missing, or in which no test ran, is a failure: a
// test run that tested nothing proves nothing.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const FOLDER = ".test";

const sums = process.argv.slice(2).map(sumOf);
const passed = total(sums, "passed");
const failed = total(sums, "failed");
const line = `${passed} passed, ${failed} failed`;
for (const { note } of sums) if (note) process.stdout.write(`${note}\n`);
writeFileSync(join(FOLDER, "summary"), `${line}\n`);
process.stdout.write(`${line}\n`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;

function sumOf(name) {
  const results = read(name);
  if (!results) return { passed: 0, failed: 1, note: `${name}: no results: the run was broken off` };
  const { numPassedTests, numFailedTests, numRuntimeErrorTestSuites, numPendingTests } = results;
  // A file that could not be run counts as one failure: its tests are not in jest's count.
  const failed = numFailedTests + numRuntimeErrorTestSuites;
  if (numPassedTests + failed === 0) return { passed: 0, failed: 1, note: `${name}: no test ran` };
  const note = numPendingTests > 0 ? `${name}: ${numPendingTests} skipped` : "";
  return { passed: numPassedTests, failed, note };
}

function read(name) {
  try {
    return JSON.parse(readFileSync(join(FOLDER, name), "utf8"));
  } catch (error) {
    if (error.code === "ENOENT") return undefined;
    throw error;
  }
}

function total(sums, key) {
  return sums.reduce((sum, one) => sum + one[key], 0);
}
