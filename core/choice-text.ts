import { Suitability } from "../gen/berth/v1/explanation_pb.ts";
import type { Placement, RunnerUp } from "../gen/berth/v1/placement_pb.ts";

/** Why a scheduler chose a worker, as the end of a sentence: "for its affinity 50 (next best 0)". */
export function choiceText(placement: Placement): string {
  const { suitability, runnerUps } = placement;
  const [next] = runnerUps;
  if (suitability === Suitability.PREFERRED) return "because it ran there before";
  if (suitability === Suitability.AVOIDED)
    return "though it keeps failing there: no other worker could take it";
  if (next === undefined) return "as the only worker that could take it";
  if (next.suitability === Suitability.AVOIDED)
    return "as the only worker on which it does not keep failing";
  return againstNext(placement, next);
}

/** In the order in which they count, as `Placement.lead` says. */
function againstNext(chosen: Placement, next: RunnerUp): string {
  if (chosen.lead !== next.lead)
    return `for having fewest of its name: ${chosen.lead} (next best ${next.lead})`;
  if (chosen.affinity !== next.affinity)
    return `for its affinity ${chosen.affinity} (next best ${next.affinity})`;
  if (chosen.score === next.score) return `as the first by ID of the best, with ${worthOf(chosen)}`;
  const [mine, others] = [formatScore(chosen.score), formatScore(next.score)];
  return mine === others
    ? `for its score ${chosen.score} (next best ${next.score})`
    : `for its score ${mine} (next best ${others})`;
}

const worthOf = ({ affinity, score }: Placement): string =>
  `${affinity === 0 ? "" : `affinity ${affinity} and `}score ${formatScore(score)}`;

export const formatScore = (score: number): string => String(Math.round(score * 1000) / 1000);
