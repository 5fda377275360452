import { toMillis } from "../../core/time.ts";
import type { Cluster } from "../../gen/berth/v1/cluster_pb.ts";
import { type Worker, WorkerState } from "../../gen/berth/v1/worker_pb.ts";
import { oneLine } from "../output/format.ts";
import { whyText, workerStateText } from "../output/worker-listing.ts";
import { type Examination, type Finding, ok, problem, warning } from "./finding.ts";

/** What was learned of a cluster, and when, by the clock of this machine. */
export type ClusterFacts = Readonly<{
  addr: string;
  cluster: Cluster;
  workers: readonly Worker[];
  /** Version of this command. */
  version: string;
  /** When the manager was asked, and when its answer had come. */
  askMs: number;
  answerMs: number;
}>;

/** Whether a cluster is well: its versions, clocks and workers. */
export function examineCluster(facts: ClusterFacts): Examination {
  const { addr, cluster, workers } = facts;
  return {
    part: "cluster",
    findings: [
      ok("manager", `cluster ${cluster.id} answers at ${addr}`),
      ...checkVersions(facts),
      checkManagerClock(facts),
      ...checkWorkerClocks(workers),
      ...checkWorkers(workers),
      ...(cluster.brakeReason === ""
        ? []
        : [
            problem(
              "brake",
              oneLine(cluster.brakeReason),
              "see which went, and why: berth workers; bring them back, or drain them",
            ),
          ]),
    ],
  };
}

/** When no manager answers. */
export const unreachedCluster = (words: string, remedies: readonly string[]): Examination => ({
  part: "cluster",
  findings: [problem("manager", words, remedies.join("; "))],
});

function checkVersions({ cluster, workers, version }: ClusterFacts): readonly Finding[] {
  const others = new Map<string, string[]>();
  const note = (who: string, theirs: string) => {
    if (theirs !== "" && theirs !== version)
      others.set(theirs, [...(others.get(theirs) ?? []), who]);
  };
  note("the manager", cluster.version);
  for (const { id, presence } of workers) note(id, presence?.description?.version ?? "");
  if (others.size === 0) return [ok("versions", `all are ${version}`)];
  const texts = [...others].map(([theirs, who]) => `${theirs} on ${shown(who)}`);
  return [
    warning(
      "versions",
      `this command is ${version}: ${texts.join("; ")}`,
      "upgrade registries first, then managers, then workers",
    ),
  ];
}

/** The most names that one finding lists. */
const NAMES_MAX = 5;

function shown(names: readonly string[]): string {
  const rest = names.length - NAMES_MAX;
  return [...names.slice(0, NAMES_MAX), ...(rest > 0 ? [`${rest} more`] : [])].join(", ");
}

/** Times are compared between machines for people only, who notice this much. */
const SKEW_MS_MAX = 2_000;

const CLOCK_REMEDY = "let clocks follow the time: timedatectl set-ntp true, or chronyd";

function checkManagerClock({ cluster, askMs, answerMs }: ClusterFacts): Finding {
  if (!cluster.observeTime)
    return warning("clocks", "this manager does not tell its time", "upgrade it");
  // It read its clock somewhere between question and answer: only what lies outside is certain.
  const theirs = toMillis(cluster.observeTime);
  const skewMs = theirs < askMs ? askMs - theirs : Math.max(0, theirs - answerMs);
  const side = theirs < askMs ? "behind" : "ahead of";
  return skewMs <= SKEW_MS_MAX
    ? ok("clocks", "the manager's is that of this machine")
    : warning("clocks", `the manager's is ${seconds(skewMs)} ${side} this machine's`, CLOCK_REMEDY);
}

/** Measurements are sent with each heartbeat, the rarest of which come so far apart. */
const MEASURED_MS_MAX = 15_000;

/** Workers' clocks against that of their registry. */
function checkWorkerClocks(workers: readonly Worker[]): readonly Finding[] {
  const wrong = workers.flatMap(({ id, presence }) => {
    const { metrics, heardTime, state } = presence ?? {};
    if (!metrics?.observeTime || !heardTime || state !== WorkerState.UP) return [];
    const aheadMs = toMillis(metrics.observeTime) - toMillis(heardTime);
    if (aheadMs > SKEW_MS_MAX) return [`${id} is ${seconds(aheadMs)} ahead`];
    return aheadMs < -MEASURED_MS_MAX ? [`${id} is ${seconds(-aheadMs)} behind`] : [];
  });
  return wrong.length === 0
    ? []
    : [warning("clocks", `of workers, against their registry's: ${shown(wrong)}`, CLOCK_REMEDY)];
}

const seconds = (ms: number): string => `${Math.round(ms / 100) / 10} s`;

function checkWorkers(workers: readonly Worker[]): readonly Finding[] {
  const waiting = "start one: berth worker --registry HOST:PORT";
  if (workers.length === 0) return [problem("workers", "there are none: no task can run", waiting)];
  const unwell = workers.flatMap((worker) => {
    const state = workerStateText(worker);
    const why = whyText(worker);
    return state === "ready" ? [] : [{ id: worker.id, words: `${state}${why && `: ${why}`}` }];
  });
  const ready = workers.length - unwell.length;
  const count = `${ready} of ${workers.length} are ready`;
  const summary = ready > 0 ? ok("workers", count) : problem("workers", count, waiting);
  const listed = unwell
    .slice(0, NAMES_MAX)
    .map(({ id, words }) => warning(id, words, `see more: berth workers ${id}`));
  const rest = unwell.length - listed.length;
  return [
    summary,
    ...listed,
    ...(rest > 0 ? [warning("workers", `${rest} more are not ready`, "see: berth workers")] : []),
  ];
}
