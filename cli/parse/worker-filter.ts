import { labelsOf } from "../../core/worker-settings.ts";
import type { Worker } from "../../gen/berth/v1/worker_pb.ts";
import { didYouMean } from "../../lib/nearest.ts";
import { workerStateText } from "../output/worker-listing.ts";
import { malformed, type Parsed, parsed, parseEach } from "./parsed.ts";

type Matches = (worker: Worker) => boolean;

/** The words of `workerStateText`, which joins two of them for a worker that is down and draining. */
const STATES = [
  "ready",
  "paused",
  "draining",
  "down",
  "left",
  "not linked",
  "engine down",
  "unknown",
];
const RULE = "must be state=STATE, platform=OS/ARCHITECTURE, label=KEY or label=KEY=VALUE";

/** Which workers the uses of `--filter` leave: of several states any, of all else all must match. */
export function parseWorkerFilters(texts: readonly string[]): Parsed<Matches> {
  const read = parseEach(texts, parseRule);
  if (read.kind === "malformed") return read;
  const states = read.value.flatMap(({ state }) => state ?? []);
  const rules = read.value.flatMap(({ matches }) => matches ?? []);
  const isInState = (worker: Worker): boolean =>
    states.length === 0 || statesOf(worker).some((word) => states.includes(word));
  return parsed((worker) => isInState(worker) && rules.every((matches) => matches(worker)));
}

const statesOf = (worker: Worker): readonly string[] => workerStateText(worker).split(", ");

type Rule = Readonly<{ state?: string; matches?: Matches }>;

function parseRule(text: string): Parsed<Rule> {
  const [, kind, value = ""] = /^(state|platform|label)=(.+)$/s.exec(text) ?? [];
  if (kind === undefined) return malformed(text, RULE);
  if (kind === "label") return parsed({ matches: hasLabel(value) });
  if (kind === "platform") return parsed({ matches: isPlatform(value) });
  const state = value.toLowerCase();
  return STATES.includes(state)
    ? parsed({ state })
    : malformed(text, `must be state= and one of ${STATES.join(", ")}${didYouMean(value, STATES)}`);
}

function hasLabel(rule: string): Matches {
  const [key = "", value] = rule.split(/=(.*)/s, 2);
  return (worker) => {
    const label = labelsOf(worker)[key];
    return label !== undefined && (value === undefined || label === value);
  };
}

const isPlatform =
  (platform: string): Matches =>
  ({ presence }) => {
    const { os = "", architecture = "" } = presence?.description ?? {};
    return platform === os || platform === `${os}/${architecture}`;
  };
