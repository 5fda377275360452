import { dirname } from "node:path";
import { CommandError } from "../command-error.ts";
import type { Context } from "../context.ts";
import { readFrom } from "./copy-talk.ts";
import { type CopyWork, counted, lookInContainer, skipTeller } from "./copy-work.ts";
import { destinationOf, type Target } from "./destination.ts";
import type { LocalFiles } from "./local-files.ts";
import type { FilePath, Place, TaskPlace } from "./place.ts";
import { missing, noFolder } from "./refusals.ts";

/** Copies from a container to this machine, or to standard output. */
export async function fetchFiles(
  work: CopyWork,
  { task, path: typed }: TaskPlace,
  to: Exclude<Place, TaskPlace>,
): Promise<void> {
  const { context, manager, files, container } = work;
  const shown = `${task}:${typed.path}`;
  const follow = work.follow || typed.mustBeFolder;
  const found = await lookInContainer(work, typed.path, { follow });
  if (!found) throw missing(typed.path, task);
  const isFolder = found.what === "folder";
  if (typed.mustBeFolder && !isFolder) throw noFolder(shown);
  const { path, name } = found;
  const target = to.kind === "local" ? await targetOf(files, to.path) : undefined;
  const source = { name, isFolder, isContent: typed.isContent };
  const destination = target && destinationOf(source, target);
  const call = { path, signal: context.interrupted };
  const archive = counted(work, readFrom(manager, container, call), `from ${shown}`);
  if (!destination) return printAll(context, archive);
  const rename = { from: name, to: destination.name };
  await files.unpack(archive, { ...destination, rename, onSkip: skipTeller(work) });
}

async function targetOf(files: LocalFiles, path: FilePath): Promise<Target> {
  return {
    path,
    shown: path.path,
    what: await files.lookAt(path.path, { follow: true }),
    parentWhat: await files.lookAt(dirname(path.path), { follow: true }),
  };
}

async function printAll(
  { terminal: { stdout, isTty } }: Context,
  archive: AsyncIterable<Uint8Array>,
): Promise<void> {
  if (isTty)
    throw new CommandError("an archive is not for a screen", {
      remedies: ["pipe it: berth cp TASK:PATH - | tar -t", "or name a folder instead of -"],
    });
  for await (const chunk of archive) {
    stdout.write(chunk);
    await stdout.drained();
  }
}
