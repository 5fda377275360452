import { createHash } from "node:crypto";
import { toJson } from "@bufbuild/protobuf";
import type { Fate } from "../../core/plan/fate.ts";
import { type TaskSpec, TaskSpecSchema } from "../../gen/berth/v1/task_pb.ts";
import { canonical } from "./idempotency.ts";

/** A task that is to be submitted, as its caller gave it, and what would become of it. */
export type Foretold = Readonly<{ spec: TaskSpec; fate: Fate }>;

/** What a check index says: when a plan was made, and what it came to. */
type CheckIndex = Readonly<{ revision: bigint; isAnyWorker: boolean; digest: string }>;

/** Characters of the digest: enough that no two plans are taken for one by chance. */
const DIGEST_LENGTH = 12;

/**
 * What a plan comes to, as a text that a submit can be compared with. It names what was found, not
 * what it was found from: so whatever happens meanwhile counts if it changes the outcome, and only
 * then, and nothing has to be kept for it.
 */
export function checkIndexOf(
  foretold: readonly Foretold[],
  { revision, isAnyWorker }: Omit<CheckIndex, "digest">,
): string {
  if (foretold.length === 0) return "";
  const mode = isAnyWorker ? "any-" : "";
  return `${revision}-${mode}${digestOf(foretold, isAnyWorker)}`;
}

/** Undefined for a text that no plan can have answered with. */
export function readCheckIndex(text: string): CheckIndex | undefined {
  const [, revision, mode, digest] = /^(\d{1,19})-(any-)?([0-9a-f]{12})$/.exec(text) ?? [];
  if (revision === undefined || digest === undefined) return undefined;
  return { revision: BigInt(revision), isAnyWorker: mode !== undefined, digest };
}

/** Whether the same still comes of the same tasks. */
export const holds = (foretold: readonly Foretold[], index: CheckIndex): boolean =>
  digestOf(foretold, index.isAnyWorker) === index.digest;

function digestOf(foretold: readonly Foretold[], isAnyWorker: boolean): string {
  const outcomes = foretold.map(({ spec, fate }) => [
    toJson(TaskSpecSchema, spec),
    isAnyWorker ? fate.kind : placeOf(fate),
  ]);
  const hash = createHash("sha256").update(canonical(outcomes));
  return hash.digest("hex").slice(0, DIGEST_LENGTH);
}

const placeOf = (fate: Fate): string => (fate.kind === "placed" ? fate.placement.workerId : "");
