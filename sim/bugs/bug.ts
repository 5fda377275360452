/** A bug put back on purpose, to show that the simulation finds it. */
export type Bug = Readonly<{
  name: string;
  /** What of Berth's promises it breaks, for people. */
  promise: string;
  /** Which compiled file it is in, and the text that it replaces there, found exactly once. */
  file: string;
  find: string;
  replace: string;
}>;
