import { formatScore } from "../../core/choice-text.ts";
import { Suitability } from "../../gen/berth/v1/explanation_pb.ts";
import type { Placement, RunnerUp } from "../../gen/berth/v1/placement_pb.ts";
import type { Attempt } from "../../gen/berth/v1/task_pb.ts";
import { assignedText, section, standingText } from "./describe-task.ts";
import { formatSince, oneLine } from "./format.ts";
import type { Column } from "./table.ts";
import { formatWrapped, wrapText } from "./wrap.ts";

const COLUMNS: readonly Column[] = [
  { title: "WORKER" },
  { title: "SCORE", align: "right" },
  { title: "WHY" },
];

type Screen = Readonly<{ nowMs: number; width: number }>;

/** How an attempt's worker was chosen, and which came next, as it was decided. */
export function placementSection(attempt: Attempt | undefined, screen: Screen): string {
  const placement = attempt?.placement;
  if (!placement) return "";
  const { scheduler, placeTime, runnerUps, exclusions } = placement;
  const ago = `${formatSince(placeTime, screen.nowMs)} ago`;
  const title = `Attempt ${attempt.number}, placed ${ago} by ${scheduler}: best worker first`;
  const rows = [
    rowOf(placement, [...choiceNotes(placement), assignedText(placement)]),
    ...runnerUps.map((next) => rowOf(next, nextNotes(next, placement))),
  ];
  const table = formatWrapped(COLUMNS, rows, { headers: true, width: screen.width });
  const excluded = exclusions.map(({ explanation }) => oneLine(explanation)).join("; ");
  const others = excluded === "" ? [] : wrapText(`not possible: ${excluded}`, screen.width);
  return section(title, table + others.map((line) => `${line}\n`).join(""));
}

const rowOf = (worker: Placement | RunnerUp, notes: readonly string[]): readonly string[] => [
  worker.workerId,
  formatScore(worker.score),
  [standingText(worker), ...notes].filter(Boolean).join(", "),
];

function choiceNotes({ suitability }: Placement): readonly string[] {
  if (suitability === Suitability.PREFERRED) return ["chosen: the task ran there before"];
  if (suitability === Suitability.AVOIDED) return ["chosen: no other could take it", FAILING];
  return ["chosen"];
}

const FAILING = "the task keeps failing there";

/** What set it back first, in the order in which things count. */
function nextNotes(next: RunnerUp, chosen: Placement): readonly string[] {
  if (next.suitability === Suitability.AVOIDED) return [`comes last: ${FAILING}`];
  if (chosen.suitability === Suitability.PREFERRED) return [];
  if (next.lead !== chosen.lead) return ["more than on the chosen"];
  if (next.affinity !== chosen.affinity) return ["less affinity"];
  return [next.score === chosen.score ? "equal, but later by ID" : "lower score"];
}
