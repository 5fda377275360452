import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, jest, test } from "@jest/globals";
import { RegistryService } from "../../gen/berth/v1/registry_service_pb.ts";
import { type WorkerPresence, WorkerState } from "../../gen/berth/v1/worker_pb.ts";
import { systemClock } from "../../lib/clock.ts";
import type { Running } from "../../lib/lifecycle.ts";
import { silentLog } from "../../lib/log.ts";
import { systemRandom } from "../../lib/random.ts";
import { openChannel } from "../../lib/rpc/channel.ts";
import { createClient } from "../../lib/rpc/client.ts";
import { socketWire } from "../../lib/rpc/wire.ts";
import { startRegistry } from "../../services/registry/registry.ts";
import { engineSocket } from "./engine.ts";

jest.setTimeout(60_000);

const BERTH = new URL("../../bin/berth", import.meta.url).pathname;
const rpc = { clock: systemClock, log: silentLog };

/** A worker's process, what it has said, and how it ended. */
type Twin = Readonly<{
  child: ChildProcess;
  said: () => string;
  ended: Promise<number | null>;
}>;

let registry: Running;
let folder: string;
const twins: Twin[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "berth-twins-"));
  const deps = { ...rpc, wire: socketWire, random: systemRandom };
  registry = await startRegistry({ listen: "127.0.0.1:0" }, deps);
});
afterEach(async () => {
  for (const { child, ended } of twins.splice(0)) {
    child.kill("SIGKILL");
    await ended;
  }
  await registry.stop();
  rmSync(folder, { recursive: true });
});

function startTwin(state: string): Twin {
  const child = spawn(process.execPath, [
    ...[BERTH, "worker", "--listen", "127.0.0.1:0", "--registry", registry.address],
    ...["--state-dir", join(folder, state), "--worker-id", `twin-${process.pid}`],
    ...["--docker-host", `unix://${engineSocket()}`],
  ]);
  let text = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (data) => {
      text += data;
    });
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  const twin = { child, said: () => text, ended };
  twins.push(twin);
  return twin;
}

/** Resolves with what the registry says of the worker as soon as it is as wanted. */
async function presence(isWanted: (worker: WorkerPresence) => boolean): Promise<WorkerPresence> {
  const channel = openChannel({ ...rpc, address: registry.address });
  try {
    for await (const { workers } of createClient(RegistryService, channel).watchWorkers({})) {
      const found = workers.find(isWanted);
      if (found) return found;
    }
    throw new Error("the registry ended the watch");
  } finally {
    channel.close();
  }
}

const isUp = ({ state }: WorkerPresence) => state === WorkerState.UP;

async function untilSaid(twin: Twin, words: RegExp): Promise<void> {
  while (!words.test(twin.said())) {
    if (twin.child.exitCode !== null) throw new Error(`ended too soon: ${twin.said()}`);
    await new Promise((resolve) => twin.child.stderr?.once("data", resolve));
  }
}

test("a second process on one state folder is refused, and told who holds it", async () => {
  const first = startTwin("one");
  const { sessionId } = await presence(isUp);
  const second = startTwin("one");
  expect(await second.ended).not.toBe(0);
  expect(second.said()).toMatch(`is in use by process ${first.child.pid}: stop it or`);
  expect((await presence(isUp)).sessionId).toBe(sessionId);
});

test("a worker that was killed is back at once on its own folder", async () => {
  const first = startTwin("one");
  const { sessionId } = await presence(isUp);
  first.child.kill("SIGKILL");
  await first.ended;
  startTwin("one");
  const after = await presence((worker) => isUp(worker) && worker.sessionId !== sessionId);
  expect(after.reason).toBe("registered");
});

test("a clone of the folder is refused by the registry, and the first is not disturbed", async () => {
  startTwin("one");
  const { sessionId, description } = await presence(isUp);
  cpSync(join(folder, "one"), join(folder, "copy"), { recursive: true });
  rmSync(join(folder, "copy", "worker", "owner.json"));
  const clone = startTwin("copy");
  await untilSaid(clone, /another worker has this worker's name/);
  const now = await presence(() => true);
  expect(now).toMatchObject({ state: WorkerState.UP, sessionId });
  expect(now.description?.address).toBe(description?.address);
});
