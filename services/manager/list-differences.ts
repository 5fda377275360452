import { create } from "@bufbuild/protobuf";
import { passingTask, taskDifference, workerDifference } from "../../core/differences.ts";
import { toTimestamp } from "../../core/time.ts";
import {
  type HistoryGap,
  type ListDifferencesRequest,
  type ListDifferencesResponse,
  ListDifferencesResponseSchema,
  type TaskDifference,
  type WorkerDifference,
} from "../../gen/berth/v1/past_pb.ts";
import { invalidFields } from "../../lib/errors.ts";
import { type Asked, type PastDeps, readMoment } from "./past-moment.ts";
import { readPastPage, type Told } from "./past-page.ts";
import type { PastTask, Story } from "./past-tasks.ts";
import { type PastWorker, pastWorkers } from "./past-workers.ts";

/** About how many bytes a difference takes in a message; generous. */
const DIFFERENCE_BYTES = 512;

/** What was different between two times. */
export async function listDifferences(
  { fromTime, toTime, ...paging }: ListDifferencesRequest,
  deps: PastDeps,
): Promise<ListDifferencesResponse> {
  const nowMs = deps.clock.now();
  if (!fromTime)
    throw invalidFields([{ field: "from_time", description: "is required: give a time" }]);
  const asked: readonly Asked[] = [
    { field: "from_time", time: fromTime },
    { field: "to_time", time: toTime ?? toTimestamp(nowMs) },
  ];
  const times = asked.map((each) => readMoment(each, nowMs));
  const [fromMs = 0, toMs = 0] = times;
  if (fromMs > toMs)
    throw invalidFields([
      { field: "to_time", description: "is before from_time: give a later one" },
    ]);
  const page = await readPastPage({ paging, asked }, deps, tellTask);
  const workers =
    paging.pageToken === "" ? await workerDifferences(times, deps) : { found: [], gaps: [] };
  const [fromRevision = 0n, toRevision = 0n] = page.revisions;
  return create(ListDifferencesResponseSchema, {
    tasks: page.entries,
    workers: workers.found,
    gaps: [...workers.gaps, ...page.gaps],
    nextPageToken: page.nextPageToken,
    fromRevision,
    toRevision,
  });
}

function tellTask(story: Story, [from = 0n, to = 0n]: readonly bigint[]): Told<TaskDifference> {
  const [before, after] = story.moments;
  for (const moment of story.moments)
    if (moment.kind === "forgotten") return { kind: "gap", gap: moment.gap };
  const entry =
    taskDifference({ from: knownTask(before), to: knownTask(after) }) ?? passing(story, from, to);
  return entry && { kind: "found", entry, bytes: DIFFERENCE_BYTES };
}

/** A task that came after the one moment and went before the other. */
function passing({ taskId, moments, removed }: Story, from: bigint, to: bigint) {
  const end = removed?.event?.revision ?? 0n;
  const isBetween = from < end && end <= to && moments[0]?.kind === "absent";
  return isBetween ? passingTask(taskId, removed?.task?.spec?.name ?? "") : undefined;
}

const knownTask = (moment: PastTask | undefined) =>
  moment?.kind === "known" ? moment.task : undefined;

async function workerDifferences(times: readonly number[], deps: PastDeps) {
  const found: WorkerDifference[] = [];
  const gaps: HistoryGap[] = [];
  for await (const { moments } of pastWorkers({ after: "", times }, deps)) {
    const gap = moments.find((moment) => moment?.kind === "forgotten");
    if (gap?.kind === "forgotten") gaps.push(gap.gap);
    const [from, to] = moments;
    const difference = gap
      ? undefined
      : workerDifference({ from: knownWorker(from), to: knownWorker(to) });
    if (difference) found.push(difference);
  }
  return { found, gaps };
}

const knownWorker = (moment: PastWorker | undefined) =>
  moment?.kind === "known" ? moment.worker : undefined;
