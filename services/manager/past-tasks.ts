import { create } from "@bufbuild/protobuf";
import { afterVersion } from "../../core/task-version.ts";
import {
  type HistoryGap,
  HistoryGapSchema,
  type RemovedTask,
  type TaskVersion,
} from "../../gen/berth/v1/past_pb.ts";
import type { Task } from "../../gen/berth/v1/task_pb.ts";
import { entriesOf } from "./ledger-load.ts";
import { prefixes, readRemoved, readRevision, readVersion, versionsOf } from "./ledger-records.ts";
import type { PastDeps } from "./past-moment.ts";

/** How a task was at a moment. `forgotten`: it was there, but how is no longer kept. */
export type PastTask =
  | Readonly<{ kind: "known"; task: Task }>
  | Readonly<{ kind: "absent" }>
  | Readonly<{ kind: "forgotten"; spec: Task["spec"]; gap: HistoryGap }>;

/** How one task was at each of the moments asked about. */
export type Story = Readonly<{
  taskId: string;
  moments: readonly PastTask[];
  /** If it is gone by now. */
  removed?: RemovedTask;
}>;

/** How many tasks are looked up at once. */
const CHUNK = 128;

const ABSENT: PastTask = { kind: "absent" };

/** All tasks that may have been there, in the order of their IDs after `after`. `revisions` ascend. */
export async function* storiesOf(
  { after, revisions }: Readonly<{ after: string; revisions: readonly bigint[] }>,
  deps: PastDeps,
): AsyncGenerator<Story> {
  let chunk: Named[] = [];
  for await (const named of namedAfter(after, deps)) {
    chunk.push(named);
    if (chunk.length < CHUNK) continue;
    yield* await Promise.all(chunk.map((each) => storyOf(each, revisions, deps)));
    chunk = [];
  }
  yield* await Promise.all(chunk.map((each) => storyOf(each, revisions, deps)));
}

/** How one task was. */
export async function pastTask(
  taskId: string,
  revision: bigint,
  deps: PastDeps,
): Promise<PastTask> {
  const { moments } = await storyOf({ taskId, removed: undefined }, [revision], deps);
  return moments[0] ?? ABSENT;
}

type Named = Readonly<{ taskId: string; removed: RemovedTask | undefined }>;

async function* namedAfter(after: string, { ledger, store }: PastDeps): AsyncGenerator<Named> {
  const alive: string[] = [];
  for (const { id } of ledger.tasks.sketches()) if (id > after) alive.push(id);
  alive.sort();
  // What is gone from here is in the store as removed.
  await ledger.settled();
  let at = 0;
  for await (const entry of entriesOf(store, prefixes.removed, after)) {
    const taskId = entry.key.slice(prefixes.removed.length);
    for (let id = alive[at]; id !== undefined && id < taskId; id = alive[++at])
      yield { taskId: id, removed: undefined };
    if (alive[at] === taskId) at++;
    yield { taskId, removed: readRemoved(entry) };
  }
  for (const taskId of alive.slice(at)) yield { taskId, removed: undefined };
}

async function storyOf(
  { taskId, removed }: Named,
  revisions: readonly bigint[],
  deps: PastDeps,
): Promise<Story> {
  const task = deps.ledger.tasks.get(taskId);
  if (task) return { taskId, moments: await momentsOf({ task, deps }, revisions) };
  const gone = removed ?? (await findRemoved(taskId, deps));
  if (!gone?.task) return { taskId, moments: revisions.map(() => ABSENT) };
  const { task: last, event } = gone;
  const end = event?.revision ?? 0n;
  const before = revisions.filter((revision) => revision < end);
  const moments = await momentsOf({ task: { ...last, revision: end }, deps }, before);
  const after = revisions.slice(before.length).map(() => ABSENT);
  return { taskId, moments: [...moments, ...after], removed: gone };
}

async function findRemoved(
  taskId: string,
  { ledger, store }: PastDeps,
): Promise<RemovedTask | undefined> {
  await ledger.settled();
  const entry = await store.get(prefixes.removed + taskId);
  return entry && readRemoved(entry);
}

type Asked = Readonly<{ task: Task; deps: PastDeps }>;

/** Of a task whose latest version, or end, is `task`. */
async function momentsOf(
  { task, deps }: Asked,
  revisions: readonly bigint[],
): Promise<readonly PastTask[]> {
  const now: PastTask = { kind: "known", task };
  const past = revisions.filter((revision) => revision < task.revision);
  const versions = past.length === 0 ? [] : await replay(task, past, deps);
  return [...versions, ...revisions.slice(past.length).map(() => now)];
}

/** What the versions of a task say of moments before the latest. */
async function replay(
  task: Task,
  revisions: readonly bigint[],
  { store }: PastDeps,
): Promise<readonly PastTask[]> {
  const moments: PastTask[] = [];
  const reel = createReel(task);
  const tellBefore = (revision: bigint) => {
    for (let next = revisions[moments.length]; next !== undefined && next < revision; ) {
      moments.push(reel.moment(next));
      next = revisions[moments.length];
    }
  };
  for await (const entry of entriesOf(store, versionsOf(task.id))) {
    const version = readVersion(entry);
    reel.look(version);
    tellBefore(readRevision(entry));
    if (moments.length === revisions.length) return moments;
    reel.step(version);
  }
  return [...moments, ...revisions.slice(moments.length).map(reel.moment)];
}

/** A task, version by version. */
function createReel({ id, spec, updateTime }: Task) {
  let task: Task | undefined;
  /** Of the first version that is kept. */
  let first: TaskVersion | undefined;
  return {
    look(version: TaskVersion | undefined): void {
      first ??= version;
    },
    step(version: TaskVersion | undefined): void {
      task = version && afterVersion(task, version, { id, spec });
    },
    moment(revision: bigint): PastTask {
      if (task) return { kind: "known", task };
      if (first && (first.firstRevision === 0n || revision < first.firstRevision)) return ABSENT;
      const since = first?.task?.updateTime ?? updateTime;
      const known = { id, name: spec?.name ?? "", ...(since && { knownSinceTime: since }) };
      return { kind: "forgotten", spec, gap: create(HistoryGapSchema, known) };
    },
  };
}
