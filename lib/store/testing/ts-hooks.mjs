import { fileURLToPath } from "node:url";
import { transformFile } from "@swc/core";

/** Lets a child process of a test import the sources as they are: Node 20 knows no TypeScript. */
export async function load(url, context, nextLoad) {
  if (!url.endsWith(".ts")) return nextLoad(url, context);
  const { code } = await transformFile(fileURLToPath(url), {
    jsc: { target: "es2023", parser: { syntax: "typescript" } },
    module: { type: "es6" },
  });
  return { format: "module", source: code, shortCircuit: true };
}
