import { basename, posix, resolve } from "node:path";
import { CommandError } from "../command-error.ts";
import { writeInto } from "./copy-talk.ts";
import { type CopyWork, counted, lookInContainer, skipTeller } from "./copy-work.ts";
import { destinationOf, type Source, type Target } from "./destination.ts";
import type { FilePath, Place, TaskPlace } from "./place.ts";
import { missing, noFolder, refusal } from "./refusals.ts";

/** Copies from this machine, or from standard input, to a container. */
export async function sendFiles(
  work: CopyWork,
  from: Exclude<Place, TaskPlace>,
  { task, path }: TaskPlace,
): Promise<void> {
  const { context, manager, container } = work;
  const target = await targetOf(work, path, `${task}:${path.path}`);
  const { folder, archive } =
    from.kind === "pipe" ? pipedTo(work, target) : await packedFor(work, from.path, target);
  const sent = counted(work, archive, `to ${target.shown}`);
  await writeInto(manager, container, { folder, archive: sent, signal: context.interrupted });
}

/** Its path is one without links, as far as it is there. */
async function targetOf(work: CopyWork, typed: FilePath, shown: string): Promise<Target> {
  const found = await lookInContainer(work, typed.path, { follow: true });
  if (found)
    return { path: { ...typed, path: found.path }, shown, what: found.what, parentWhat: "folder" };
  const parent = await lookInContainer(work, posix.dirname(typed.path), { follow: true });
  const path = posix.join(parent?.path ?? "/", posix.basename(typed.path));
  return { path: { ...typed, path }, shown, what: undefined, parentWhat: parent?.what };
}

type Sending = Readonly<{ folder: string; archive: AsyncIterable<Uint8Array> }>;

function pipedTo({ context }: CopyWork, { path, shown, what }: Target): Sending {
  const { stdin } = context.terminal;
  if (what !== "folder") throw refusal(`there is no folder ${shown}`, "make it first");
  if (stdin.isTty)
    throw new CommandError("an archive is not typed", {
      remedies: ["pipe it: tar -c FOLDER | berth cp - TASK:PATH"],
    });
  return { folder: path.path, archive: stdin.read(context.interrupted) };
}

async function packedFor(work: CopyWork, typed: FilePath, target: Target): Promise<Sending> {
  const { files } = work;
  const follow = work.follow || typed.mustBeFolder;
  const what = await files.lookAt(typed.path, { follow });
  if (what === undefined) throw missing(typed.path);
  if (what === "other")
    throw refusal(
      `${typed.path} is neither file, folder nor link`,
      "name one of those: nothing else is copied",
    );
  if (typed.mustBeFolder && what !== "folder") throw noFolder(typed.path);
  const isFolder = what === "folder";
  const source: Source = { name: nameOf(typed), isFolder, isContent: typed.isContent };
  const { folder, name } = destinationOf(source, target);
  const path = follow ? await files.realPath(typed.path) : typed.path;
  return { folder, archive: files.pack(path, { name, onSkip: skipTeller(work) }) };
}

/** Also of `..`, which has a name though it is not typed. */
const nameOf = ({ path }: FilePath): string => basename(resolve(path));
