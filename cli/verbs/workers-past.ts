import { attemptsOf, isLive } from "../../core/live-attempts.ts";
import { toMillis } from "../../core/time.ts";
import type { Task } from "../../gen/berth/v1/task_pb.ts";
import type { Worker } from "../../gen/berth/v1/worker_pb.ts";
import type { Context, Manager } from "../context.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { listTasks, listWorkers } from "../list-all.ts";
import { colorsFor } from "../output/colors.ts";
import { formatListing } from "../output/listing.ts";
import type { OutputFlags } from "../output/output-flags.ts";
import { pastWorkerListing } from "../output/past-worker-listing.ts";
import { type At, printPast } from "../past.ts";
import { callOf } from "./client-verb.ts";
import { eachReference } from "./each-reference.ts";

type Asked = Readonly<{
  ids: readonly string[];
  at: Required<At>;
  flags: OutputFlags;
  isMeant: (worker: Worker) => boolean;
}>;

/** Workers as they were, with the tasks that they had. */
export async function printPastWorkers(
  context: Context,
  manager: Manager,
  { ids, at, flags, isMeant }: Asked,
): Promise<ExitCode> {
  const { terminal } = context;
  const call = callOf(context);
  const all = ids.length === 0 ? await listWorkers(manager, at, call) : undefined;
  const found: Worker[] = [...(all?.workers ?? [])];
  const exitCode = await eachReference(context, ids, async (workerId) => {
    const { worker } = await manager.getWorker({ workerId, ...at }, call);
    if (worker) found.push(worker);
  });
  const { tasks } = await listTasks(manager, { filter: {}, ...at }, call);
  printPast(context, at, all?.gaps ?? []);
  const listing = pastWorkerListing({
    colors: colorsFor(terminal),
    nowMs: toMillis(at.atTime),
    taskCounts: countByWorker(tasks),
  });
  // Of the past no link is known: who was up is taken for ready.
  const meant = found.filter((worker) => isMeant({ ...worker, linked: true }));
  terminal.stdout.write(await formatListing(listing, meant, flags, terminal));
  return ids.length === 0 ? exitCodes.ok : exitCode;
}

function countByWorker(tasks: readonly Task[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const attempt of tasks.flatMap(attemptsOf).filter(isLive))
    counts.set(attempt.workerId, (counts.get(attempt.workerId) ?? 0) + 1);
  return counts;
}
