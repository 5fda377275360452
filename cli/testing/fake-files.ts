import { readTar } from "../../lib/tar/read-tar.ts";
import { beginEntry, endArchive, endEntry } from "../../lib/tar/write-tar.ts";
import type { LocalFiles } from "../copy/local-files.ts";

const PLAIN = { kind: "file", permissions: 0o644, modifyMs: 0, target: "" } as const;

/** Files of a machine that has none but a few texts. A folder is there while something is in it. */
export function createFakeFiles(texts: Map<string, string>): LocalFiles {
  const below = (path: string) =>
    [...texts].filter(([name]) => path === "." || name.startsWith(`${path}/`));
  return {
    async lookAt(path) {
      if (texts.has(path)) return "file";
      return below(path).length > 0 ? "folder" : undefined;
    },
    realPath: async (path) => path,
    async *pack(path, { name }) {
      const text = texts.get(path);
      const found = text === undefined ? below(path) : [[path, text] as const];
      if (text === undefined)
        yield beginEntry({ ...PLAIN, path: name, kind: "folder", sizeBytes: 0 });
      for (const [each, content] of found) {
        const bytes = Buffer.from(content);
        const entry = { ...PLAIN, path: name + each.slice(path.length), sizeBytes: bytes.length };
        yield Buffer.concat([beginEntry(entry), bytes, endEntry(entry)]);
      }
      yield endArchive();
    },
    async unpack(archive, { folder, rename: { from, to } }) {
      for await (const { entry, content } of readTar(archive)) {
        const text = await textOf(content);
        const path = `${folder}/${to}${entry.path.slice(from.length)}`.replace(
          /(^|\/)(\.\/)+/g,
          "$1",
        );
        if (entry.kind === "file") texts.set(path, text);
      }
    },
  };
}

async function textOf(content: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of content) parts.push(part);
  return Buffer.concat(parts).toString();
}
