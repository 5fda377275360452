import { BLOCK_BYTES, type TarEntry, TarError } from "./tar-entry.ts";

/** A header as it stands in an archive: what it says of the entry, and its type. */
export type TarHeader = TarEntry & Readonly<{ type: string }>;

/** Where a header's fields are: offset and length (POSIX ustar). */
const FIELDS = {
  name: [0, 100],
  mode: [100, 8],
  owner: [108, 8],
  group: [116, 8],
  size: [124, 12],
  time: [136, 12],
  sum: [148, 8],
  type: [156, 1],
  target: [157, 100],
  magic: [257, 8],
  prefix: [345, 155],
} as const;

type Field = keyof typeof FIELDS;

const KINDS: Readonly<Record<string, TarEntry["kind"]>> = {
  "0": "file",
  "\0": "file",
  "7": "file",
  "1": "hardLink",
  "2": "link",
  "3": "other",
  "4": "other",
  "5": "folder",
  "6": "other",
};
const TYPES = { file: "0", hardLink: "1", link: "2", other: "6", folder: "5" } as const;

/** Reads a block. Undefined for one of zeros, which ends an archive. */
export function readHeader(block: Uint8Array): TarHeader | undefined {
  if (block.every((byte) => byte === 0)) return undefined;
  if (sumOf(block) !== numberAt(block, "sum")) throw new TarError("the archive is damaged");
  const type = String.fromCharCode(bytesAt(block, "type")[0] ?? 0);
  const isPosix = textAt(block, "magic").startsWith("ustar");
  const prefix = isPosix ? textAt(block, "prefix") : "";
  const name = textAt(block, "name");
  const path = prefix === "" ? name : `${prefix}/${name}`;
  // Archives of old have folders whose type is that of files.
  const kind = path.endsWith("/") && type !== "5" ? "folder" : (KINDS[type] ?? "other");
  return {
    type,
    path,
    kind,
    permissions: numberAt(block, "mode") % 0o1000,
    sizeBytes: numberAt(block, "size"),
    modifyMs: numberAt(block, "time") * 1000,
    target: textAt(block, "target"),
  };
}

/** Writes a block. Texts that are too long are cut: who has such says them in a block before. */
export function writeHeader({ kind, type = TYPES[kind], ...entry }: TarEntry & { type?: string }) {
  const block = Buffer.alloc(BLOCK_BYTES);
  const write = (field: Field, text: string) => {
    const [offset, length] = FIELDS[field];
    Buffer.from(text, "utf8").copy(block, offset, 0, length);
  };
  const writeNumber = (field: Field, value: number) => {
    const digits = FIELDS[field][1] - 1;
    write(field, value.toString(8).padStart(digits, "0").slice(-digits));
  };
  write("name", entry.path);
  writeNumber("mode", entry.permissions);
  writeNumber("owner", 0);
  writeNumber("group", 0);
  writeNumber("size", Math.min(entry.sizeBytes, SIZE_MAX));
  writeNumber("time", Math.max(0, Math.min(Math.floor(entry.modifyMs / 1000), SIZE_MAX)));
  write("type", type);
  write("target", entry.target);
  write("magic", "ustar\u000000");
  write("sum", `${sumOf(block).toString(8).padStart(6, "0")}\0 `);
  return block;
}

/** The greatest number that a header's twelve bytes hold. */
export const SIZE_MAX = 8 ** 11 - 1;

/** The longest texts that a header holds. */
export const TEXT_BYTES_MAX = FIELDS.name[1];

function bytesAt(block: Uint8Array, field: Field): Uint8Array {
  const [offset, length] = FIELDS[field];
  return block.subarray(offset, offset + length);
}

/** Up to the first NUL. */
function textAt(block: Uint8Array, field: Field): string {
  const bytes = bytesAt(block, field);
  const end = bytes.indexOf(0);
  return Buffer.from(end === -1 ? bytes : bytes.subarray(0, end)).toString("utf8");
}

/** Digits to the base of 8, or, with the first bit set, bytes (GNU). */
function numberAt(block: Uint8Array, field: Field): number {
  const bytes = bytesAt(block, field);
  const [first = 0, ...others] = bytes;
  if (first >= 0x80) return others.reduce((sum, byte) => sum * 256 + byte, first % 0x40);
  const digits = textAt(block, field).trim();
  if (!/^[0-7]*$/.test(digits)) throw new TarError("the archive is damaged");
  return digits === "" ? 0 : Number.parseInt(digits, 8);
}

/** The sum of all bytes, its own field taken for spaces. */
function sumOf(block: Uint8Array): number {
  const [offset, length] = FIELDS.sum;
  return block.reduce(
    (sum, byte, at) => sum + (at >= offset && at < offset + length ? 0x20 : byte),
    0,
  );
}
