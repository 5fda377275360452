import { isAbsolute, join } from "node:path";
import { usageError } from "../command-error.ts";
import type { Context } from "../context.ts";

/** Where state lives: as set, else where the system keeps such (XDG base directories). */
export function stateFolder(set: string | undefined, { terminal, isRoot }: Context): string {
  if (set !== undefined) return set;
  if (isRoot) return "/var/lib/berth";
  const { XDG_STATE_HOME: state, HOME: home } = terminal.env;
  if (state !== undefined && isAbsolute(state)) return join(state, "berth");
  if (home !== undefined && isAbsolute(home)) return join(home, ".local", "state", "berth");
  throw usageError(["no place to keep state: HOME is not set"], ["say where with --state-dir"]);
}
