import type { TaskEvent } from "../../gen/berth/v1/task_event_pb.ts";
import { DesiredState, type Task } from "../../gen/berth/v1/task_pb.ts";
import type { Follower } from "./follower.ts";
import type { Cluster } from "./harness.ts";
import {
  complaintsAboutContainers,
  complaintsAboutEvents,
  complaintsAboutStarts,
  complaintsAboutTask,
  complaintsAboutWorker,
} from "./laws.ts";
import type { User } from "./user.ts";

/** Who took part, and has something to say afterwards. */
export type Witnesses = Readonly<{ cluster: Cluster; user: User; follower: Follower }>;

const PAUSE_MS = 200;

/** More than a pause between retries, a lease and a backoff together, on a machine that is busy. */
const PATIENCE_MS = 150_000;

/** Waits until every law holds, and tells which do not if that takes too long. */
export async function settle(witnesses: Witnesses): Promise<readonly string[]> {
  const { clock } = witnesses.cluster;
  const deadline = clock.monotonic() + PATIENCE_MS;
  for (;;) {
    const complaints = await audit(witnesses).catch((error: unknown) => [String(error)]);
    if (complaints.length === 0 || clock.monotonic() > deadline) return complaints;
    await clock.sleep(PAUSE_MS);
  }
}

/** What is not as it must be, now. */
async function audit({ cluster, user, follower }: Witnesses): Promise<string[]> {
  const { client } = cluster;
  const listed = (await client.listTasks({ pageSize: 1_000 })).tasks;
  const tasks = new Map(listed.map((task) => [task.id, task]));
  const { workers } = await client.listWorkers({});
  return [
    ...cluster.events.bugs.map((bug) => `a part ended: ${bug}`),
    ...user.complaints,
    ...follower.complaints,
    ...[...user.wishes.values()].flatMap((wish) =>
      complaintsAboutTask(wish, tasks.get(wish.taskId)),
    ),
    ...listed.flatMap(({ id }) => (user.wishes.has(id) ? [] : [`nobody submitted ${id}`])),
    ...workers.flatMap((worker) => complaintsAboutWorker(worker, listed)),
    ...auditEngines({ cluster, user }, tasks),
    ...complaintsAboutCopy(follower, tasks),
    ...(await auditEvents(cluster, listed)),
    ...(await auditRecords(cluster, tasks)),
  ];
}

function auditEngines(
  { cluster, user }: Pick<Witnesses, "cluster" | "user">,
  tasks: ReadonlyMap<string, Task>,
): string[] {
  const { engines } = cluster;
  const isTampered = (taskId: string) => user.wishes.get(taskId)?.isTampered === true;
  const everMade = [...engines.values()].flatMap((memory) => memory.everMade);
  return [
    ...complaintsAboutStarts(everMade, isTampered),
    ...[...engines].flatMap(([workerId, { engine }]) =>
      complaintsAboutContainers(workerId, engine.containers.values(), tasks),
    ),
  ];
}

/** Who has followed the stream knows what a list tells. */
function complaintsAboutCopy({ tasks: copy }: Follower, tasks: ReadonlyMap<string, Task>) {
  const ids = new Set([...copy.keys(), ...tasks.keys()]);
  return [...ids].flatMap((id) => {
    const [seen, listed] = [copy.get(id)?.revision, tasks.get(id)?.revision];
    return seen === listed ? [] : [`${id} is at ${listed}, and was seen at ${seen}`];
  });
}

async function auditEvents({ client }: Cluster, tasks: readonly Task[]): Promise<string[]> {
  const { events } = await client.listTaskEvents({ pageSize: 1_000 });
  const ofTask = (id: string): TaskEvent[] => events.filter(({ taskId }) => taskId === id);
  const known = new Set(tasks.map(({ id }) => id));
  const strays = new Set(events.map(({ taskId }) => taskId).filter((id) => !known.has(id)));
  return [
    ...tasks.flatMap(({ id }) => complaintsAboutEvents(ofTask(id))),
    ...tasks.flatMap(({ id, revision }) =>
      ofTask(id).at(-1)?.revision === revision ? [] : [`the last event of ${id} is missing`],
    ),
    // Of what is gone the history stays, and it ends with the removal.
    ...[...strays].flatMap((id) => [
      ...complaintsAboutEvents(ofTask(id)),
      ...(ofTask(id).at(-1)?.removed ? [] : [`the removal of ${id} is missing`]),
    ]),
  ];
}

/** A worker remembers nothing that its manager needs no more. */
async function auditRecords(cluster: Cluster, tasks: ReadonlyMap<string, Task>) {
  const found: string[] = [];
  for (const workerId of cluster.engines.keys()) {
    const { reports } = await cluster.workerClient(workerId).listTasks({ pageSize: 1_000 });
    for (const { taskId, attempt } of reports)
      if (tasks.get(taskId)?.desiredState !== DesiredState.RUN)
        found.push(`${workerId} still remembers ${taskId}/${attempt}`);
  }
  return found;
}
