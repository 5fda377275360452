import { lstat, realpath, stat } from "node:fs/promises";
import { pack } from "../../lib/tar/pack.ts";
import { unpack } from "../../lib/tar/unpack.ts";
import type { LocalFiles } from "./local-files.ts";

/** The files of this machine's disk. */
export const diskFiles: LocalFiles = {
  async lookAt(path, { follow }) {
    try {
      const stats = await (follow ? stat(path) : lstat(path));
      if (stats.isDirectory()) return "folder";
      if (stats.isSymbolicLink()) return "link";
      return stats.isFile() ? "file" : "other";
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
  },
  realPath: (path) => realpath(path),
  pack,
  unpack,
};
