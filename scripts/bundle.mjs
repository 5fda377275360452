#!/usr/bin/env node
// Bundles the compiled program, and nearly all packages it needs, in dist/program/.
// A process that reads some ten files instead of seven hundred starts in half the time.
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";

const root = join(import.meta.dirname, "..");
const outdir = join(root, "dist/program");

// What these load at run time, native code and threads, they look for beside themselves.
const packagesLeftAlone = ["lmdb", "dockerode", "pino"];

// Packages that are not ES modules call `require`, which ES modules do not have.
const requireForPackages =
  'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);';

// The names of chunks change with their content.
await rm(outdir, { recursive: true, force: true });

await build({
  entryPoints: [join(root, "dist/cli/main.js"), join(root, "dist/lib/turn-guard-thread.js")],
  entryNames: "[name]",
  outdir,
  // The simulation starts threads from files of its own, and is loaded as it was compiled.
  external: [...packagesLeftAlone, join(root, "dist/sim/*")],
  bundle: true,
  splitting: true,
  platform: "node",
  target: "node20.20",
  format: "esm",
  banner: { js: requireForPackages },
  // Names stay, for stacks; what only people read goes: half as much is read at every start.
  minifyWhitespace: true,
  minifySyntax: true,
  sourcemap: "linked",
  sourcesContent: false,
  logLevel: "warning",
});
