#!/usr/bin/env node
// Makes the package @berth/client in dist/client-package/: what of client/, lib/ and gen/ a user of
// a cluster needs, for Node and browsers, with its types. `npm pack dist/client-package` packs it.
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { build } from "esbuild";

const root = join(import.meta.dirname, "..");
const folder = join(root, "dist/client-package");
const declarations = join(root, "dist/client-declarations");
const entries = ["main", "contract"];
/** What the code and its types come from; a user's own code may share them. */
const packages = ["@bufbuild/protobuf", "@connectrpc/connect"];

rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
await bundle();
declare();
describe();

/** `neutral` has no modules of Node: what imports one does not build. */
function bundle() {
  return build({
    entryPoints: entries.map((name) => join(root, `client/${name}.ts`)),
    outdir: folder,
    external: packages.flatMap((name) => [name, `${name}/*`]),
    bundle: true,
    splitting: true,
    platform: "neutral",
    target: ["es2022"],
    format: "esm",
    minifySyntax: true,
    logLevel: "warning",
  });
}

/** The types that a user can come to, with imports as every version of TypeScript reads them. */
function declare() {
  const tsc = join(root, "node_modules/.bin/tsc");
  execFileSync(tsc, ["-p", join(root, "client"), "--outDir", declarations], { stdio: "inherit" });
  const seen = new Set();
  for (const name of entries) keep(join("client", `${name}.d.ts`), seen);
  rmSync(declarations, { recursive: true });
}

function keep(file, seen) {
  if (seen.has(file)) return;
  seen.add(file);
  const text = readFileSync(join(declarations, file), "utf8");
  const target = join(folder, "types", file);
  mkdirSync(dirname(target), { recursive: true });
  const relative = /((?:from|import\() ?")(\.[^"]+)\.ts"/g;
  writeFileSync(target, text.replace(relative, '$1$2.js"'));
  for (const [, , path] of text.matchAll(relative)) keep(join(dirname(file), `${path}.d.ts`), seen);
}

function describe() {
  const ours = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const entryOf = (name) => ({
    types: `./types/client/${name}.d.ts`,
    default: `./${name}.js`,
  });
  const description = {
    name: "@berth/client",
    version: ours.version,
    description: "A typed client for Berth, a container orchestrator, in Node and browsers",
    license: ours.license,
    type: "module",
    sideEffects: false,
    engines: { node: ">=20.3" },
    exports: { ".": entryOf("main"), "./contract": entryOf("contract") },
    dependencies: Object.fromEntries(packages.map((name) => [name, ours.dependencies[name]])),
  };
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(description, undefined, 2)}\n`);
  cpSync(join(root, "client/README.md"), join(folder, "README.md"));
  cpSync(join(root, "LICENSE"), join(folder, "LICENSE"));
}
