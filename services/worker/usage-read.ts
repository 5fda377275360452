import { closeSync, openSync, readSync } from "node:fs";
import type { ReadText } from "./usage-files.ts";

/** More than any file that is read here holds: the kernel's own files are small. */
const buffer = Buffer.allocUnsafe(64 * 1_024);

/**
 * Reads a file that the kernel makes up as it is read. At once: such a file is there in some
 * microseconds, an asynchronous read of it takes ten times as long and a thread besides.
 */
export const readKernelFile: ReadText = (path) => {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch {
    return undefined;
  }
  try {
    return buffer.toString("latin1", 0, readSync(file, buffer, 0, buffer.length, 0));
  } catch {
    // It is gone since it was opened, as the container is.
    return undefined;
  } finally {
    closeSync(file);
  }
};
