/** What something is, as far as copying minds. */
export type FileWhat = "file" | "folder" | "link" | "other";

type Skip = Readonly<{
  /** Told of what cannot be copied: devices, pipes, sockets. */
  onSkip: (path: string) => void;
}>;

/** Files of the machine that the command runs on. */
export interface LocalFiles {
  /** What is at a path; undefined where there is nothing. `follow`: where a link leads, not the link. */
  lookAt(path: string, options: Readonly<{ follow: boolean }>): Promise<FileWhat | undefined>;
  /** The path with all links in it followed. */
  realPath(path: string): Promise<string>;
  /** A tar archive of what is there, under that name. */
  pack(path: string, options: Skip & Readonly<{ name: string }>): AsyncIterable<Uint8Array>;
  /** Unpacks an archive of `from` into a folder, as `to`. Refuses what leads out of the folder. */
  unpack(
    archive: AsyncIterable<Uint8Array>,
    options: Skip & Readonly<{ folder: string; rename: Readonly<{ from: string; to: string }> }>,
  ): Promise<void>;
}
