import { posix } from "node:path";
import type { FileWhat } from "./local-files.ts";
import type { FilePath } from "./place.ts";
import { refusal } from "./refusals.ts";

/** Where an archive is unpacked, and as what. */
export type Destination = Readonly<{
  folder: string;
  /** `.`: what is copied is the folder itself. */
  name: string;
}>;

/** What is copied. */
export type Source = Readonly<{
  /** Its own name. */
  name: string;
  isFolder: boolean;
  /** Whether what is in it is meant. */
  isContent: boolean;
}>;

/** The end that is copied to. */
export type Target = Readonly<{
  path: FilePath;
  /** For messages: `web:/srv`, `./out`. */
  shown: string;
  /** What is there, links followed; undefined where there is nothing. */
  what: FileWhat | undefined;
  /** What the folder that holds it is. */
  parentWhat: FileWhat | undefined;
}>;

/**
 * Where things go, as with `cp -r` and `docker cp`: into a folder that is there, else under the name
 * that is given. Throws where that cannot be.
 */
export function destinationOf(source: Source, target: Target): Destination {
  const { path, shown, what } = target;
  if (what === "folder")
    return source.isContent
      ? { folder: path.path, name: "." }
      : { folder: path.path, name: source.name };
  if (what !== undefined && (source.isFolder || path.mustBeFolder))
    throw refusal(`${shown} is no folder`, "name a folder, or another name");
  if (what === undefined && path.mustBeFolder && !source.isFolder)
    throw refusal(
      `there is no folder ${shown}`,
      "make it first, or leave the slash at its end out",
    );
  if (target.parentWhat !== "folder")
    throw refusal(`there is no folder ${posix.dirname(shown)}`, "make it first");
  return { folder: posix.dirname(path.path), name: posix.basename(path.path) };
}
