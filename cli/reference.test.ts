import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { createProgram } from "./program.ts";
import { formatReference } from "./testing/reference.ts";
import { version } from "./version.ts";

const root = join(import.meta.dirname, "..");

// UPDATE=1 writes it; the diff is read before it is committed.
test("docs/cli.md says what the program says of itself", () => {
  const path = join(root, "docs", "cli.md");
  if (process.env["UPDATE"]) writeFileSync(path, formatReference());
  expect(readFileSync(path, "utf8")).toBe(formatReference());
});

test("the version is that of the package", () => {
  const manifest: unknown = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  expect(manifest).toMatchObject({ version });
});

test("no two flags of a verb share a letter or a name", () => {
  const { commands } = createProgram(() => Promise.resolve());
  for (const command of commands.flatMap((verb) => [verb, ...verb.commands])) {
    const flags = command.options.flatMap(({ short, long }) => [short, long]).filter(Boolean);
    expect(flags).toEqual([...new Set(flags)]);
  }
});
