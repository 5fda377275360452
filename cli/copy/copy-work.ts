import { posix } from "node:path";
import { FileKind } from "../../gen/berth/v1/files_pb.ts";
import type { Context, Manager } from "../context.ts";
import { formatSize, oneLine } from "../output/format.ts";
import type { Progress } from "../progress.ts";
import { printLine } from "../terminal.ts";
import { type Container, lookAt } from "./copy-talk.ts";
import type { FileWhat, LocalFiles } from "./local-files.ts";

/** What a copy is carried out with. */
export type CopyWork = Readonly<{
  context: Context;
  manager: Manager;
  files: LocalFiles;
  container: Container;
  /** Whether a link that is named as the source is followed. */
  follow: boolean;
  progress: Progress;
}>;

/** What lies at a path of a container. */
export type Found = Readonly<{ path: string; name: string; what: FileWhat }>;

const KINDS: Readonly<Record<FileKind, FileWhat>> = {
  [FileKind.UNSPECIFIED]: "other",
  [FileKind.FILE]: "file",
  [FileKind.FOLDER]: "folder",
  [FileKind.LINK]: "link",
  [FileKind.OTHER]: "other",
};

/** What lies there, or where a link leads that lies there. Undefined: nothing. */
export async function lookInContainer(
  { manager, container, context }: CopyWork,
  path: string,
  { follow }: Readonly<{ follow: boolean }>,
): Promise<Found | undefined> {
  const look = (at: string) =>
    lookAt(manager, container, { path: at, signal: context.interrupted });
  const facts = await look(path);
  if (!facts) return undefined;
  if (!follow || facts.kind !== FileKind.LINK)
    return { path, name: facts.name, what: KINDS[facts.kind] ?? "other" };
  // The engine has followed all links on the way.
  const target = posix.resolve(posix.dirname(path), facts.linkTarget);
  const reached = await look(target);
  return reached && { path: target, name: reached.name, what: KINDS[reached.kind] ?? "other" };
}

/** Counts what passes, and tells how far it has come. */
export async function* counted(
  { progress }: CopyWork,
  archive: AsyncIterable<Uint8Array>,
  words: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  let bytes = 0;
  for await (const chunk of archive) {
    bytes += chunk.length;
    progress.show(`copied ${formatSize(bytes)} ${words}`);
    yield chunk;
  }
}

/** Warns of what is left out. */
export const skipTeller =
  ({ context, progress }: CopyWork) =>
  (path: string): void => {
    progress.clear();
    printLine(
      context.terminal.stderr,
      `warning: ${oneLine(path)} is neither file, folder nor link: left out`,
    );
  };
