import { BLOCK_BYTES, paddingOf, type TarEntry } from "./tar-entry.ts";
import { SIZE_MAX, TEXT_BYTES_MAX, writeHeader } from "./tar-header.ts";

/** What goes before an entry's content. */
export function beginEntry(entry: TarEntry): Uint8Array {
  const path = entry.kind === "folder" ? `${entry.path}/` : entry.path;
  const records = recordsOf({ ...entry, path });
  const header = writeHeader({ ...entry, path });
  if (records.length === 0) return header;
  const named = { ...entry, path: "records", target: "", kind: "file" } as const;
  const meta = writeHeader({ ...named, sizeBytes: records.length, type: "x" });
  return Buffer.concat([meta, records, Buffer.alloc(paddingOf(records.length)), header]);
}

/** What goes after an entry's content. */
export const endEntry = ({ sizeBytes }: TarEntry): Uint8Array => Buffer.alloc(paddingOf(sizeBytes));

/** What goes after the last entry. */
export const endArchive = (): Uint8Array => Buffer.alloc(2 * BLOCK_BYTES);

/** What a header has no room for, as POSIX says it. */
function recordsOf({ path, target, sizeBytes }: TarEntry): Uint8Array {
  const said = [
    ...(hasRoom(path) ? [] : [["path", path]]),
    ...(hasRoom(target) ? [] : [["linkpath", target]]),
    ...(sizeBytes <= SIZE_MAX ? [] : [["size", String(sizeBytes)]]),
  ];
  return Buffer.from(said.map(([name, value]) => recordOf(`${name}=${value}`)).join(""), "utf8");
}

/** Other letters than those of ASCII have one meaning in a record only. */
const hasRoom = (text: string): boolean =>
  text.length <= TEXT_BYTES_MAX && /^[\u0020-\u007e]*$/.test(text);

/** With its own length before it, in which that of the length itself counts. */
function recordOf(text: string): string {
  const bytes = Buffer.byteLength(text) + " \n".length;
  let length = bytes + String(bytes).length;
  if (String(length).length > String(bytes).length) length++;
  return `${length} ${text}\n`;
}
