import type { Client } from "@connectrpc/connect";
import {
  RegistryService,
  type WatchWorkersResponse,
} from "../../gen/berth/v1/registry_service_pb.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import type { Random } from "../../lib/random.ts";
import { createBackoff } from "../../lib/retry.ts";
import type { Channel } from "../../lib/rpc/channel.ts";
import { createClient } from "../../lib/rpc/client.ts";
import type { Contacts } from "../../lib/rpc/contacts.ts";
import { createWatchdog } from "../../lib/watchdog.ts";
import type { RegistryWord } from "./registry-word.ts";
import type { WorkerTable } from "./worker-table.ts";

type Deps = Readonly<{
  workers: WorkerTable;
  word: RegistryWord;
  /** The ways to the registries. */
  registries: Contacts;
  clock: Clock;
  random: Random;
  log: Log;
}>;

/**
 * The registry gives a sign of life every second. When it has given none for so long, as long as a
 * lease, the stream is dropped: workers find another registry after that time too.
 */
const SILENCE_MS_MAX = 4_000;

/**
 * Keeps the worker table as the registry tells it, until `signal` aborts. While the registry is
 * out of reach what was known last stands: no worker is taken for lost because of it.
 */
export async function runRegistryWatch(deps: Deps, signal: AbortSignal): Promise<void> {
  const { clock, random, log } = deps;
  const backoff = createBackoff({ firstMs: 50, capMs: 2_000, stableMs: 10_000, random, clock });
  let registry: string | undefined;
  while (!signal.aborted) {
    try {
      // Another one each time, if there are several: any of them tells of all workers.
      const { channel } = await deps.registries.next(signal);
      registry = channel.address;
      await watchOver(channel, deps, signal);
    } catch (err) {
      if (!signal.aborted) log.warn({ registry, err }, "registry watch lost");
    }
    await clock.sleep(backoff.next(), signal);
  }
}

async function watchOver(channel: Channel, deps: Deps, signal: AbortSignal): Promise<void> {
  try {
    await watch(createClient(RegistryService, channel), deps, signal);
  } finally {
    deps.word.lose();
    channel.close();
  }
}

async function watch(
  client: Client<typeof RegistryService>,
  deps: Deps,
  signal: AbortSignal,
): Promise<void> {
  const silent = new AbortController();
  const dog = createWatchdog(deps.clock, SILENCE_MS_MAX, () => silent.abort());
  const takeIn = createIntake(deps);
  const either = AbortSignal.any([signal, silent.signal]);
  try {
    for await (const news of client.watchWorkers({ heartbeats: true }, { signal: either })) {
      dog.kick();
      takeIn(news);
    }
  } finally {
    dog.stop();
  }
}

/** Takes in what comes over one connection: first the list of all workers, then changes. */
function createIntake({ workers, word, log }: Deps): (news: WatchWorkersResponse) => void {
  const listed = new Set<string>();
  let isComplete = false;

  function list(news: WatchWorkersResponse): void {
    for (const { workerId } of news.workers) listed.add(workerId);
    if (news.complete) workers.keepOnly(listed);
    isComplete = news.complete;
  }

  return (news) => {
    news.workers.forEach(workers.setPresence);
    news.heartbeats.forEach(workers.setHeartbeat);
    if (!isComplete) list(news);
    if (isComplete) word.hear();
    for (const { workerId, kind, reason } of news.events)
      log.info({ workerId, kind, reason }, "worker changed");
  };
}
