import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Long enough for any tool here; none may hang a test. */
const TOOL_MS = 20_000;

/** Runs a tool and answers with what it says. Throws with what it complains of. */
export async function tool(file: string, ...args: readonly string[]): Promise<string> {
  const { stdout } = await run(file, args, { timeout: TOOL_MS });
  return stdout;
}
