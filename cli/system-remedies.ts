/** What helps against what an operating system refuses. */
const OF_CODE: Readonly<Record<string, string>> = {
  EADDRINUSE: "stop what listens there, or choose another port",
  EADDRNOTAVAIL: "choose an address of this machine, such as 127.0.0.1",
  EACCES: "run it as a user who may, or choose another place",
  EPERM: "run it as a user who may, or choose another place",
  EROFS: "choose a place that can be written",
  ENOSPC: "make room on the disk, then try again",
  EDQUOT: "make room on the disk, then try again",
  ENOENT: "name one that is there",
  ENOTDIR: "name a folder",
  EISDIR: "name a file",
};

/** What a user can do about the first of some errors that the operating system made. */
export function systemRemedies(errors: readonly unknown[]): readonly string[] {
  const remedy = errors.map((error) => OF_CODE[codeOf(error)]).find((each) => each !== undefined);
  return remedy === undefined ? [] : [remedy];
}

const codeOf = (error: unknown): string =>
  typeof error === "object" && error !== null && "code" in error ? String(error.code) : "";
