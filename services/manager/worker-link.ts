import type { Client } from "@connectrpc/connect";
import { type Action, reconcileReport } from "../../core/reconcile.ts";
import {
  WorkerService,
  type WorkerServiceWatchTasksResponse,
} from "../../gen/berth/v1/worker_service_pb.ts";
import type { Clock } from "../../lib/clock.ts";
import { unavailable } from "../../lib/errors.ts";
import type { Gate } from "../../lib/gate.ts";
import type { Log } from "../../lib/log.ts";
import type { Random } from "../../lib/random.ts";
import { createBackoff } from "../../lib/retry.ts";
import type { Channel } from "../../lib/rpc/channel.ts";
import { createClient } from "../../lib/rpc/client.ts";
import type { Slots } from "../../lib/slots.ts";
import { createBranch } from "../../lib/stop.ts";
import { createWatchdog } from "../../lib/watchdog.ts";
import type { Deliveries } from "./deliveries.ts";
import type { Ledger } from "./ledger.ts";
import type { Observer } from "./observer.ts";
import { createPusher, type Pusher } from "./pusher.ts";
import { type Comparison, createSnapshots, type Snapshots } from "./snapshots.ts";

export type LinkDeps = Readonly<{
  ledger: Ledger;
  deliveries: Deliveries;
  /** Bounds how many workers are told something at once. */
  slots: Slots;
  /** Bounds how many links are being made at once. */
  gate: Gate;
  observer: Observer;
  connect: (address: string) => Channel;
  clock: Clock;
  random: Random;
  log: Log;
  onLinked: (workerId: string, linked: boolean) => void;
}>;

export type LinkTarget = Readonly<{ workerId: string; address: string }>;

/** A worker gives a sign of life every 5 s; after three missed ones the link is dropped. */
const SILENCE_MS_MAX = 15_000;

/**
 * Holds the link to one worker until `signal` aborts: compares what it holds with the ledger on
 * every connect, then feeds its reports to the ledger and the ledger's durable changes to it.
 */
export async function runWorkerLink(
  target: LinkTarget,
  deps: LinkDeps,
  signal: AbortSignal,
): Promise<void> {
  const { clock, random, onLinked } = deps;
  const log = deps.log.child({ workerId: target.workerId });
  const backoff = createBackoff({ firstMs: 50, capMs: 2_000, stableMs: 10_000, random, clock });
  while (!signal.aborted) {
    const endTurn = await deps.gate.enter();
    if (signal.aborted) return endTurn();
    const channel = deps.connect(target.address);
    try {
      const own = { workerId: target.workerId, channel, onSynced: endTurn };
      await holdLink(own, { ...deps, log }, signal);
    } catch (err) {
      if (!signal.aborted) log.warn({ address: target.address, err }, "worker link lost");
    } finally {
      endTurn();
      onLinked(target.workerId, false);
      channel.close();
    }
    await clock.sleep(backoff.next(), signal);
  }
}

type Own = Readonly<{ workerId: string; channel: Channel; onSynced: () => void }>;

/** One connection: a reader and a pusher. When one of them ends, so does the other. */
async function holdLink(
  { workerId, channel, onSynced }: Own,
  deps: LinkDeps,
  signal: AbortSignal,
): Promise<void> {
  const branch = createBranch(signal);
  const client = createClient(WorkerService, channel);
  const end = (reason?: unknown) => branch.abort(reason);
  const pusher = createPusher(client, deps, { signal: branch.signal, onFailure: end });
  const unsubscribe = deps.deliveries.subscribe(workerId, pusher.post);
  const connection = { workerId, client, pusher, onSynced, end };
  try {
    await readReports(connection, deps, branch.signal);
  } finally {
    unsubscribe();
    end();
    branch.release();
    await pusher.close();
  }
}

type Connection = Readonly<{
  workerId: string;
  client: Client<typeof WorkerService>;
  pusher: Pusher;
  /** Ledger and snapshot have been compared. */
  onSynced: () => void;
  /** Nothing comes over it any more. */
  end: () => void;
}>;

async function readReports(
  connection: Connection,
  deps: LinkDeps,
  signal: AbortSignal,
): Promise<void> {
  const { ledger, clock } = deps;
  const dog = createWatchdog(clock, SILENCE_MS_MAX, () => connection.end());
  const request = { epoch: ledger.epoch, clusterId: ledger.clusterId };
  const snapshots = createSnapshots(connection.workerId, ledger);
  try {
    for await (const news of connection.client.watchTasks(request, { signal })) {
      dog.kick();
      await receive(news, snapshots, { connection, deps });
    }
  } finally {
    dog.stop();
  }
  if (!signal.aborted) throw unavailable("WATCH_ENDED", "the worker ended its reports");
}

async function receive(
  { news }: WorkerServiceWatchTasksResponse,
  snapshots: Snapshots,
  { connection, deps }: Readonly<{ connection: Connection; deps: LinkDeps }>,
): Promise<void> {
  const { workerId, pusher } = connection;
  switch (news.case) {
    case "snapshot": {
      news.value.reports.forEach(pusher.hear);
      const comparison = snapshots.take(news.value);
      return comparison && settle(comparison, connection, deps);
    }
    case "reports": {
      const lookup = (taskId: string) => deps.ledger.tasks.get(taskId);
      news.value.reports.forEach(pusher.hear);
      return act(
        news.value.reports.flatMap((report) => reconcileReport(workerId, report, lookup)),
        connection,
        deps,
      );
    }
    case "checkpoint":
    case undefined:
      return;
  }
}

/** Acts on a whole snapshot. The first one opens the link for pushes. */
async function settle(
  { actions, attemptCount, missing, isFirst }: Comparison,
  connection: Connection,
  deps: LinkDeps,
): Promise<void> {
  for (const name of missing) deps.log.warn({ ...name }, "attempt missing on its worker");
  missing.forEach(connection.pusher.miss);
  await act(actions, connection, deps);
  if (!isFirst) return;
  connection.pusher.open();
  connection.onSynced();
  deps.log.info({ attemptCount }, "worker link up");
  deps.onLinked(connection.workerId, true);
}

/** Observations go to the ledger, pushes to the worker once what they rest on is durable. */
async function act(
  actions: readonly Action[],
  { pusher }: Connection,
  { ledger, observer }: LinkDeps,
): Promise<void> {
  for (const action of actions) {
    if (action.kind === "observe") observer.report(action.report);
    if (action.kind === "vanish") observer.vanish(action);
  }
  await ledger.settled();
  for (const action of actions)
    if (action.kind !== "observe" && action.kind !== "vanish") pusher.post(action);
}
