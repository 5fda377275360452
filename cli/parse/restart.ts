import type { MessageInitShape } from "@bufbuild/protobuf";
import { RestartMode, type RestartPolicySchema } from "../../gen/berth/v1/task_pb.ts";
import { malformed, type Parsed, parsed, parseWhole } from "./parsed.ts";

export type RestartInit = MessageInitShape<typeof RestartPolicySchema>;

const MODES: ReadonlyMap<string, RestartMode> = new Map([
  ["no", RestartMode.NO],
  ["on-failure", RestartMode.ON_FAILURE],
  ["always", RestartMode.ALWAYS],
  ["unless-stopped", RestartMode.UNLESS_STOPPED],
]);
const RULE = "must be no, on-failure, on-failure:TIMES, always or unless-stopped";
/** What the contract's uint32 holds. */
const RESTARTS_MAX = 2 ** 32 - 1;

/** Reads a restart policy as Docker writes it. */
export function parseRestart(text: string): Parsed<RestartInit> {
  const [word = "", times, ...surplus] = text.split(":");
  const mode = MODES.get(word);
  if (mode === undefined || surplus.length > 0) return malformed(text, RULE);
  if (times === undefined) return parsed({ mode });
  if (mode !== RestartMode.ON_FAILURE) return malformed(text, RULE);
  const restartsMax = parseWhole(times, 0, RESTARTS_MAX);
  return restartsMax.kind === "parsed"
    ? parsed({ mode, restartsMax: restartsMax.value })
    : malformed(text, RULE);
}
