import { Watch } from "../../../gen/etcdserverpb/rpc_pb.ts";
import type { Clock } from "../../clock.ts";
import type { Log } from "../../log.ts";
import type { Random } from "../../random.ts";
import { backoffMs } from "../../retry.ts";
import type { EtcdClient } from "./etcd-client.ts";
import { changesIn } from "./etcd-events.ts";
import type { Layout } from "./etcd-layout.ts";
import type { Past } from "./etcd-past.ts";
import { readStoredHead } from "./etcd-reader.ts";

type Deps = Readonly<{
  client: EtcdClient;
  layout: Layout;
  past: Past;
  clock: Clock;
  random: Random;
  log: Log;
}>;

/** How often the feed is compared with the store itself. One that is behind is begun anew. */
const CHECK_MS = 5_000;

const pauses = { firstMs: 50, capMs: 1_000 };

/** Brings what others write, from etcd's own watch, for as long as somebody watches. */
export function createEtcdFeed(deps: Deps) {
  let watcherCount = 0;
  let following: AbortController | undefined;

  function stop(): void {
    following?.abort();
    following = undefined;
  }

  return {
    /** Follows etcd until the returned function is called. */
    retain(): () => void {
      watcherCount += 1;
      if (!following) {
        following = new AbortController();
        void follow(deps, following.signal);
      }
      return () => {
        watcherCount -= 1;
        if (watcherCount === 0) stop();
      };
    },
    stop,
  };
}

async function follow(deps: Deps, signal: AbortSignal): Promise<void> {
  const { past, clock, random, log } = deps;
  for (let attempt = 0; !signal.aborted; attempt++) {
    const before = past.head();
    await followOnce(deps, signal).catch((err: unknown) => {
      if (!signal.aborted) log.debug({ err }, "watch of etcd broke");
    });
    if (past.head() !== before) attempt = 0;
    await clock.sleep(backoffMs(attempt, pauses, random), signal);
  }
}

/** One watch of etcd, until it breaks or is found to be behind. */
async function followOnce(deps: Deps, signal: AbortSignal): Promise<void> {
  const { client, layout, past } = deps;
  const over = new AbortController();
  const end = AbortSignal.any([signal, over.signal]);
  void untilBehind(deps, end).then(() => over.abort());
  try {
    const read = changesIn(layout);
    const request = { ...layout.watched, startRevision: past.place() + 1n, fragment: true };
    for await (const response of client.stream(Watch.method.watch, asking(request, end), end)) {
      if (response.compactRevision > 0n) past.skipTo(await readStoredHead(client, layout));
      if (response.canceled || response.compactRevision > 0n) return;
      for (const written of read(response)) past.add(written);
    }
  } finally {
    over.abort();
  }
}

/**
 * Resolves when the past lacks what the store had one check ago, or when nobody can tell: a watch
 * of etcd may fall silent without a word.
 */
async function untilBehind(deps: Deps, signal: AbortSignal): Promise<void> {
  const { client, layout, past, clock, log } = deps;
  for (let due = past.head(); past.head() >= due; ) {
    await clock.sleep(CHECK_MS, signal);
    if (signal.aborted) return;
    const seen = await readStoredHead(client, layout).catch((err: unknown) => {
      log.debug({ err }, "etcd does not tell where the store is");
    });
    if (!seen) break;
    past.catchUp(seen);
    due = past.head() >= due ? seen.revision : due;
  }
  if (signal.aborted) return;
  log.warn({ revision: past.head() }, "watch of etcd is behind, beginning anew");
  client.turnAway();
}

/** One request, and then nothing until the signal aborts: etcd ends a watch whose stream ends. */
async function* asking<T>(value: T, signal: AbortSignal) {
  yield { requestUnion: { case: "createRequest" as const, value } };
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
