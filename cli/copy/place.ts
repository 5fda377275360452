import { usageError } from "../command-error.ts";

/** One end of a copy. */
export type Place =
  | TaskPlace
  | Readonly<{ kind: "local"; path: FilePath }>
  /** Standard input or output, which carry an archive. */
  | Readonly<{ kind: "pipe" }>;

/** An end in a task's container. */
export type TaskPlace = Readonly<{ kind: "task"; task: string; path: FilePath }>;

/** A path as it was typed, and what its end says. */
export type FilePath = Readonly<{
  /** Without a slash or `/.` at its end. */
  path: string;
  /** Whether it ends with a slash: then it is a folder. */
  mustBeFolder: boolean;
  /** Whether it ends with `/.`: then what is in the folder is meant, and not the folder. */
  isContent: boolean;
}>;

/** Reads `TASK:PATH`, a path of this machine, or `-`. What begins with `/` or `.` is of this machine. */
export function parsePlace(text: string): Place {
  if (text === "-") return { kind: "pipe" };
  const colon = text.indexOf(":");
  if (colon === -1 || /^[/.~]/.test(text)) return { kind: "local", path: pathOf(text) };
  const [task, path] = [text.slice(0, colon), text.slice(colon + 1)];
  if (task === "" || path === "")
    throw usageError(
      [`${JSON.stringify(text)} must be TASK:PATH, or a path of this machine`],
      ["a path of this machine that has a colon begins with ./"],
    );
  // As with docker, what is not absolute begins at the container's root.
  return { kind: "task", task, path: pathOf(path.startsWith("/") ? path : `/${path}`) };
}

function pathOf(text: string): FilePath {
  if (text === "") throw usageError(["a path is empty"], ["the folder that you are in is ."]);
  const isContent = text === "." || text.endsWith("/.");
  const path = text.replace(/\/(\.)?$/, "").replace(/\/+$/, "");
  const whole = path === "" && text.startsWith("/") ? "/" : path;
  return { path: whole, isContent, mustBeFolder: isContent || text.endsWith("/") };
}
