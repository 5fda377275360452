import type { Command } from "commander";
import { stateName } from "../../core/task-state.ts";
import { type Cluster, ClusterSchema } from "../../gen/berth/v1/cluster_pb.ts";
import { assert } from "../../lib/assert.ts";
import type { Context } from "../context.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { formatDocument, jsonOf } from "../output/document.ts";
import { formatSince, formatTime } from "../output/format.ts";
import { addPageFlags, type PageFlags } from "../output/output-flags.ts";
import { formatFields } from "../output/table.ts";
import { formatHoles } from "../output/template.ts";
import { callOf, clientCommand, type Run, withManager } from "./client-verb.ts";
import { addWatchFlag, type WatchFlags, watched } from "./watched.ts";

export const clusterCommand = (run: Run): Command =>
  addWatchFlag(addPageFlags(clientCommand("cluster")))
    .summary("show the cluster's identity and totals")
    .description(
      "Show the cluster's identity, its schedulers, and its workers and tasks in numbers.",
    )
    .action((flags: WatchFlags & PageFlags) =>
      run((context) => watched(context, flags, (watching) => showCluster(watching, flags))),
    );

async function showCluster(context: Context, flags: PageFlags): Promise<ExitCode> {
  return withManager(context, flags, async (manager) => {
    const { cluster } = await manager.getCluster({}, callOf(context));
    assert(cluster, "the manager answers with the cluster");
    context.terminal.stdout.write(await textOf(cluster, flags, context.clock.now()));
    return exitCodes.ok;
  });
}

async function textOf(
  cluster: Cluster,
  { output, format }: PageFlags,
  nowMs: number,
): Promise<string> {
  if (format !== undefined) return formatHoles(ClusterSchema, [cluster], format);
  return output === "json" || output === "yaml"
    ? formatDocument(output, jsonOf(ClusterSchema, cluster))
    : describe(cluster, nowMs);
}

const describe = (cluster: Cluster, nowMs: number): string =>
  formatFields([
    ["Cluster", cluster.id],
    ["Manager", `version ${cluster.version}, epoch ${cluster.epoch}`],
    ...(cluster.leader === "" ? [] : [["Leader", cluster.leader] as const]),
    ["Serving", `${formatTime(cluster.startTime)} (${formatSince(cluster.startTime, nowMs)})`],
    ["Revision", String(cluster.revision)],
    ["Schedulers", cluster.schedulers.map((name) => markDefault(name, cluster)).join(", ")],
    ["Workers", `${cluster.readyWorkerCount} of ${cluster.workerCount} ready`],
    ["Tasks", tasksText(cluster)],
  ]);

const markDefault = (name: string, { defaultScheduler }: Cluster): string =>
  name === defaultScheduler ? `${name} (default)` : name;

function tasksText({ taskCounts }: Cluster): string {
  const total = taskCounts.reduce((sum, { count }) => sum + count, 0);
  const states = taskCounts.map(({ state, count }) => `${count} ${stateName(state)}`).join(", ");
  return total === 0 ? "none" : `${total}: ${states}`;
}
