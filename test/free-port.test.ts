import { spawnSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { claimPort } from "./free-port.ts";

const folder = () => mkdtempSync(join(tmpdir(), "berth-ports-"));

test("a port is given once, whether somebody listens on it or not", () => {
  const claims = folder();
  expect([1, 1, 2].map((port) => claimPort(port, claims))).toEqual([true, false, true]);
});

test("a port of another process is taken while that lives", () => {
  const claims = folder();
  writeFileSync(join(claims, "1"), String(process.ppid));
  expect(claimPort(1, claims)).toBe(false);
});

test("a port of a process that has ended is free", () => {
  const claims = folder();
  const { pid } = spawnSync(process.execPath, ["--version"]);
  writeFileSync(join(claims, "1"), String(pid));
  expect([claimPort(1, claims), claimPort(1, claims)]).toEqual([true, false]);
});
