import { create } from "@bufbuild/protobuf";
import { attemptsOf, isLive, type KnownAttempt } from "../../core/live-attempts.ts";
import type { Demand } from "../../core/placement/demand.ts";
import { type Appraisal, objectionsOf, type Suitable } from "../../core/placement/explain.ts";
import {
  Suitability,
  type WorkerVerdict,
  WorkerVerdictSchema,
} from "../../gen/berth/v1/explanation_pb.ts";
import type { Task } from "../../gen/berth/v1/task_pb.ts";
import { type Page, type PageCursor, takePage } from "./paging.ts";

/** What a verdict takes in a message, the ID of its worker at its longest; generous. */
const VERDICT_BYTES = 1_024;

type Scene = Readonly<{ task: Task; appraisals: readonly Appraisal[]; demand: Demand }>;

type Ranked = Readonly<{ key: string; appraisal: Appraisal; attempts: readonly number[] }>;

/** One page of what placement thinks of the workers, in the order that the contract promises. */
export function verdictPage(
  { task, appraisals, demand }: Scene,
  cursor: PageCursor,
): Page<WorkerVerdict> {
  const live = attemptsOf(task).filter(isLive);
  const ranked = appraisals.map((appraisal) => rank(appraisal, live)).sort(byKey);
  const page = takePage(ranked, cursor, { keyOf: ({ key }) => key, sizeOf: () => VERDICT_BYTES });
  return { ...page, entries: page.entries.map((entry) => verdictOf(entry, demand)) };
}

const byKey = (a: Ranked, b: Ranked): number => (a.key < b.key ? -1 : 1);

function rank(appraisal: Appraisal, live: readonly KnownAttempt[]): Ranked {
  const { workerId } = appraisal.candidate;
  const attempts = live.filter((each) => each.workerId === workerId).map(({ number }) => number);
  const place = attempts.length > 0 ? "0" : `1 ${SUITABILITIES[appraisal.kind]}`;
  return { key: `${place} ${standing(appraisal)} ${workerId}`, appraisal, attempts };
}

/** Within one suitability: the best first, as a placement chooses, or the fewest objections. */
function standing(appraisal: Appraisal): string {
  if (appraisal.kind === "excluded") return String(appraisal.grounds.length).padStart(3, "0");
  const { lead, affinity, score } = appraisal;
  return [-lead, affinity, score].map(descendingText).join(" ");
}

/** A text of fixed length; of two numbers the greater has the lesser text. */
function descendingText(value: number): string {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, -value || 0);
  const bits = view.getBigUint64(0);
  // Negative numbers have the sign bit set, and grow as their other bits shrink.
  const ascending = bits >> 63n === 0n ? bits | (1n << 63n) : BigInt.asUintN(64, ~bits);
  return ascending.toString(16).padStart(16, "0");
}

const SUITABILITIES = {
  preferred: Suitability.PREFERRED,
  fits: Suitability.FITS,
  avoided: Suitability.AVOIDED,
  excluded: Suitability.EXCLUDED,
} as const;

/** What the task's past says, by the place that it gives a worker. */
const NOTES = {
  preferred: "the task ran there last",
  fits: "",
  avoided: "the task keeps failing there",
  excluded: "",
} as const;

const verdictOf = ({ appraisal, attempts }: Ranked, demand: Demand): WorkerVerdict =>
  create(WorkerVerdictSchema, {
    workerId: appraisal.candidate.workerId,
    suitability: SUITABILITIES[appraisal.kind],
    ...(appraisal.kind === "excluded"
      ? { objections: objectionsOf(appraisal, demand).map((objection) => ({ ...objection })) }
      : worthOf(appraisal)),
    attempts: [...attempts],
    note: NOTES[appraisal.kind],
  });

const worthOf = ({ score, affinity, lead }: Suitable) => ({ score, affinity, lead });
