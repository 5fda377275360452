import { durationFromMs } from "@bufbuild/protobuf/wkt";
import type { Client } from "@connectrpc/connect";
import { decode, encode } from "dns-packet";
import { ManagerService } from "../gen/berth/v1/manager_service_pb.ts";
import { systemClock } from "../lib/clock.ts";
import { silentLog } from "../lib/log.ts";
import { openChannel } from "../lib/rpc/channel.ts";
import { createClient } from "../lib/rpc/client.ts";
import { startBerth } from "./berth-process.ts";
import { ask } from "./dns-load.ts";
import { figuresOf, ms, table } from "./figures.ts";

// How long after a task is ready, or no longer ready, by its manager's watch, a registry answers so.

const PORTS = { registry: 17_571, manager: 17_570, dns: 17_553 };
const TASKS = Number(process.env["DNS_TASKS"] ?? 40);

/** Its readiness changes by itself, so the moment is not one that somebody asked for. */
const IMAGE = "web:healthy-after-300.unready-after-900";

const at = (port: number): string => `127.0.0.1:${port}`;
const stops: (() => Promise<void>)[] = [];

async function start(args: readonly string[], readyWhen: RegExp, isStateful: boolean) {
  const all = [...args, "--log-level", "warn"];
  const one = await startBerth({
    args: all,
    managerAddress: at(PORTS.manager),
    readyWhen,
    isStateful,
  });
  stops.push(() => one.stop());
}

/** Resolves with when the answer first is `isThere`. */
async function untilAnswered(name: string, isThere: boolean): Promise<number> {
  const packet = encode({ type: "query", questions: [{ name, type: "A" }] });
  for (;;) {
    const { answers = [] } = decode(await ask(PORTS.dns, packet));
    if (answers.length > 0 === isThere) return performance.now();
    await systemClock.sleep(1);
  }
}

/** Milliseconds from each change of a task's readiness, as a watch tells it, to the answer that knows of it. */
async function delaysOf(manager: Client<typeof ManagerService>, name: string) {
  const spec = {
    ...{ image: IMAGE, name, ports: [{ containerPort: 80 }] },
    readinessProbe: {
      check: { case: "tcp" as const, value: { port: 80 } },
      interval: durationFromMs(100),
    },
  };
  const { task } = await manager.submitTask({ spec });
  const ended = new AbortController();
  const told = { ready: Number.NaN, unready: Number.NaN };
  const watch = (async () => {
    const call = { signal: ended.signal };
    for await (const { changes } of manager.watchTasks({ filter: { name } }, call)) {
      const isReady = changes.at(-1)?.task?.attempt?.status?.ready;
      if (isReady === true && Number.isNaN(told.ready)) told.ready = performance.now();
      else if (isReady === false && told.ready > 0) {
        told.unready = performance.now();
        return;
      }
    }
  })();
  const ready = await untilAnswered(`${name}.task.berth`, true);
  const unready = await untilAnswered(`${name}.task.berth`, false);
  await watch;
  ended.abort();
  await manager.stopTask({ taskId: task?.id ?? "" });
  return { ready: ready - told.ready, unready: unready - told.unready };
}

const row = (what: string, samples: readonly number[]): string[] => {
  const { p50, p99, max } = figuresOf(samples);
  return [what, ...[p50, p99, max].map(ms)];
};

const channel = openChannel({ address: at(PORTS.manager), clock: systemClock, log: silentLog });
try {
  const [registry, dns] = [at(PORTS.registry), at(PORTS.dns)];
  await start(["registry", "--listen", registry, "--dns-listen", dns], /^registry on/m, false);
  const managed = ["manager", "--listen", at(PORTS.manager), "--registry", registry];
  await start(managed, /^manager on/m, true);
  const hollow = ["worker", "--runtime", "hollow", "--registry", registry, "--count", "3"];
  await start(hollow, /hollow worker/, false);
  const manager = createClient(ManagerService, channel);
  const delays = [];
  for (let i = 0; i < TASKS; i++) delays.push(await delaysOf(manager, `web-${i}`));
  const rows = [
    row(
      "ready",
      delays.map(({ ready }) => ready),
    ),
    row(
      "no longer ready",
      delays.map(({ unready }) => unready),
    ),
  ];
  process.stdout.write(`${TASKS} tasks, ms from the watch's word to the answer\n\n`);
  process.stdout.write(`${table(["the task is", "p50", "p99", "longest"], rows)}\n`);
} finally {
  channel.close();
  for (const stop of stops.toReversed()) await stop();
}
