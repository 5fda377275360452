#!/usr/bin/env node
// House rules that no linter knows: no file over 300 lines, no test that is skipped or singled
// out, no shell script that does not parse.
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** STYLE.md, rule 4. */
const LINES_MAX = 300;
const FOLDERS = ["bench", "cli", "client", "core", "lib", "scripts", "services", "sim", "test"];
const NARROWED = /\b(?:test|it|describe)\.(?:only|skip|todo)\b/;

const complaints = FOLDERS.flatMap(filesIn).flatMap(complaintsAbout);
for (const complaint of complaints) process.stderr.write(`${complaint}\n`);
process.exitCode = complaints.length > 0 ? 1 : 0;

function filesIn(folder) {
  try {
    return readdirSync(folder, { withFileTypes: true, recursive: true })
      .filter((entry) => entry.isFile() && /\.(?:ts|mjs|sh)$/.test(entry.name))
      .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
  } catch (error) {
    if (error.code === "ENOENT") return [];
    throw error;
  }
}

function complaintsAbout(file) {
  const lines = readFileSync(file, "utf8").split("\n");
  const found = lines.flatMap((line, index) =>
    NARROWED.test(line) && file.endsWith(".test.ts")
      ? [`${file}:${index + 1}: a test is skipped or singled out: let it run or delete it`]
      : [],
  );
  const count = lines.length - 1;
  if (count > LINES_MAX) found.push(`${file}: ${count} lines, at most ${LINES_MAX}: split it`);
  if (file.endsWith(".sh")) found.push(...shellErrors(file));
  return found;
}

function shellErrors(file) {
  const { status, stderr } = spawnSync("bash", ["-n", file], { encoding: "utf8" });
  return status === 0 ? [] : [stderr.trim()];
}
