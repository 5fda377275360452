import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { afterEach, beforeAll, jest } from "@jest/globals";
import type { LogEntry } from "../../gen/berth/v1/log_entry_pb.ts";
import { type TaskSpec, TaskSpecSchema } from "../../gen/berth/v1/task_pb.ts";
import { systemClock } from "../../lib/clock.ts";
import { silentLog } from "../../lib/log.ts";
import { createDockerRuntime } from "../../services/worker/docker-runtime.ts";
import type { ContainerExit, LogSelection, Owner } from "../../services/worker/runtime.ts";
import { engineSocket, ensureImage, openEngine, removeContainers, TEST_IMAGE } from "./engine.ts";

/** Where the runtime under test publishes ports. */
export const ADDRESS = "127.0.0.1";

export type SpecInit = Exclude<MessageInitShape<typeof TaskSpecSchema>, TaskSpec>;

export const specOf = (init: SpecInit): TaskSpec =>
  create(TaskSpecSchema, { name: "web", image: TEST_IMAGE, ...init });

export const shell = (script: string): SpecInit => ({ command: ["sh", "-c"], args: [script] });

/** The same for every container that only has to be there. It ends at once when asked to. */
export const IDLE = shell("trap 'exit 0' TERM; sleep 300 & wait");

/** A Docker runtime for the tests of one file, named `what`. Its containers go after each test. */
export function createDockerRig(what: string) {
  jest.setTimeout(60_000);
  const owner: Owner = { clusterId: "e2e", workerId: `${what}-${process.pid}` };
  const stranger: Owner = { ...owner, workerId: `${owner.workerId}-stranger` };
  const engine = openEngine();
  const runtime = createDockerRuntime({
    socketPath: engineSocket(),
    clock: systemClock,
    log: silentLog,
    publishAddress: ADDRESS,
  });
  beforeAll(async () => {
    await ensureImage();
  });
  afterEach(async () => {
    await Promise.all([removeContainers(owner), removeContainers(stranger)]);
  });

  let taskCount = 0;
  const nextKey = () => ({ taskId: `${what}-${process.pid}-${++taskCount}`, attempt: 1 });
  const createOne = (init: SpecInit, key = nextKey()) => runtime.create(key, specOf(init), owner);

  async function startOne(init: SpecInit): Promise<string> {
    const id = await createOne(init);
    await runtime.start(id);
    return id;
  }

  async function runToEnd(init: SpecInit): Promise<string> {
    const id = await startOne(init);
    await engine.getContainer(id).wait();
    return id;
  }

  async function exitOf(id: string): Promise<ContainerExit> {
    const state = (await runtime.inspect(id))?.state;
    if (state?.kind !== "exited") throw new Error(`container ${id} is ${state?.kind}`);
    return state.exit;
  }

  async function readAll(
    id: string,
    some: Partial<LogSelection>,
    signal = new AbortController().signal,
  ): Promise<LogEntry[]> {
    const all: LogEntry[] = [];
    for await (const entries of runtime.logs(id, selection(some), signal)) all.push(...entries);
    return all;
  }

  const verbs = { nextKey, createOne, startOne, runToEnd, exitOf, readAll };
  return { runtime, engine, owner, stranger, ...verbs };
}

/** Everything that was written, unless `some` says otherwise. */
export const selection = (some: Partial<LogSelection>): LogSelection => ({
  follow: false,
  tail: undefined,
  sinceMs: undefined,
  stdout: true,
  stderr: true,
  ...some,
});

export const text = (entries: readonly LogEntry[]): string =>
  Buffer.concat(entries.map(({ data }) => data)).toString();
