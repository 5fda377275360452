/** What an archive says of one thing in it. */
export type TarEntry = Readonly<{
  /** As the archive has it, without a slash at its end. */
  path: string;
  /** `other`: a device or a pipe. */
  kind: "file" | "folder" | "link" | "hardLink" | "other";
  /** Who may read, write and run it: the lowest nine bits of its mode. */
  permissions: number;
  /** Bytes of a file. 0 for all else. */
  sizeBytes: number;
  /** When its content last changed: whole seconds are kept. */
  modifyMs: number;
  /** Of a link what it leads to, of a hard link the path of another entry. Empty for all else. */
  target: string;
}>;

/** An archive is made of blocks of so many bytes. */
export const BLOCK_BYTES = 512;

/** It is no archive, is cut off, or holds what may not be. */
export class TarError extends Error {
  override readonly name = "TarError";
}

/** How many bytes fill the last block of so much content. */
export const paddingOf = (bytes: number): number =>
  (BLOCK_BYTES - (bytes % BLOCK_BYTES)) % BLOCK_BYTES;
