import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { Command } from "commander";
import { toMillis } from "../core/time.ts";
import type { HistoryGap } from "../gen/berth/v1/past_pb.ts";
import { usageError } from "./command-error.ts";
import type { Context } from "./context.ts";
import { formatAge, formatTime } from "./output/format.ts";
import { parseMoment } from "./parse/moment.ts";
import { printLine } from "./terminal.ts";
import { flagValue } from "./verbs/client-verb.ts";

/** A flag that asks for the past instead of the present. */
export type AtFlag = Readonly<{ at?: string }>;

/** Adds the flag that asks for the past. */
export const addAtFlag = (command: Command): Command =>
  command.option("--at <when>", "as it was then: 03:12, 2026-01-31T12:00:00Z, or 2h ago as -2h");

/** What a flag says of a moment, as calls have it. */
export const readMoment = (flag: string, text: string, { clock }: Context) =>
  timestampFromMs(flagValue(flag, parseMoment(text, clock.now())));

/** The moment that is asked for, as calls have it: empty for the present. */
export const readAt = ({ at }: AtFlag, context: Context) =>
  at === undefined ? {} : { atTime: readMoment("--at", at, context) };

export type At = ReturnType<typeof readAt>;

/** The past does not change: there is nothing to watch. */
export function refuseWatching({ at, watch }: AtFlag & Readonly<{ watch?: true }>): void {
  if (watch && at !== undefined)
    throw usageError(["--watch shows what changes, and the past does not: leave it or --at out"]);
}

/** The flag that fills a field of a request. */
export const atFlagOfField = (field: string): string | undefined =>
  field === "at_time" ? "--at" : undefined;

/** The time by which ages are told: that which is asked about. */
export const nowOf = ({ atTime }: At, { clock }: Context): number =>
  atTime ? toMillis(atTime) : clock.now();

/** Says which moment is shown, and what of it is not known. */
export function printPast(
  { terminal, clock }: Context,
  { atTime }: At,
  gaps: readonly HistoryGap[],
): void {
  if (!atTime) return;
  const age = formatAge(clock.now() - toMillis(atTime));
  printLine(terminal.stderr, `as it was at ${formatTime(atTime)}, ${age} ago`);
  printGaps(terminal, gaps);
}

/** Names what was there of which nothing else is known. */
export function printGaps({ stderr }: Context["terminal"], gaps: readonly HistoryGap[]): void {
  for (const { id, name, knownSinceTime } of gaps) {
    const what = name === "" || name === id ? id : `${name} (${id})`;
    const since = formatTime(knownSinceTime);
    printLine(stderr, `not shown: ${what} was there; how is only known from ${since} on`);
  }
}
