import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const ROOT = new URL("../../", import.meta.url).pathname;

/** What the package depends on. Installed from here: these tests ask no registry. */
const PACKAGES = ["@bufbuild/protobuf", "@connectrpc/connect"];

/** Packs what `make build` made, and resolves with the tarball's path. */
export async function packClient(folder: string): Promise<string> {
  const made = join(ROOT, "dist/client-package");
  const { stdout } = await run("npm", ["pack", made, "--pack-destination", folder, "--json"]);
  const [{ filename }] = JSON.parse(stdout);
  return join(folder, filename);
}

/** Installs the packed client in a folder, as a program of its own would have it. */
export async function installClient(folder: string): Promise<void> {
  const tarball = await packClient(folder);
  await writeFile(join(folder, "package.json"), '{"private": true, "type": "module"}');
  const sources = PACKAGES.map((name) => join(ROOT, "node_modules", name));
  const flags = ["--offline", "--install-links", "--ignore-scripts", "--no-audit", "--no-fund"];
  await run("npm", ["install", ...flags, ...sources, tarball], { cwd: folder });
}
