import { usageError } from "./command-error.ts";
import type { Context } from "./context.ts";

/** More than any message that a service takes. */
const BYTES_MAX = 64 * 1024 * 1024;

/** All of standard input, as text. */
export async function readInput({ terminal, interrupted }: Context): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of terminal.stdin.read(interrupted)) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > BYTES_MAX)
      throw usageError([`standard input has more than ${BYTES_MAX} bytes: send less`]);
  }
  interrupted.throwIfAborted();
  return Buffer.concat(chunks).toString("utf8");
}
