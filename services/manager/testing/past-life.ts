import { toBinary } from "@bufbuild/protobuf";
import { expect } from "@jest/globals";
import { toTimestamp } from "../../../core/time.ts";
import { type Task, TaskSchema } from "../../../gen/berth/v1/task_pb.ts";
import { systemClock } from "../../../lib/clock.ts";
import { reasonOf } from "../../../lib/errors.ts";
import { createManualClock } from "../../../lib/manual-clock.ts";
import { createSeededRandom } from "../../../lib/random.ts";
import type { Store } from "../../../lib/store/store.ts";
import { runEventTrimmer } from "../event-trimmer.ts";
import { runHistoryKeeper } from "../history-keeper.ts";
import type { Ledger } from "../ledger.ts";
import { createManagerRig } from "./manager-rig.ts";
import { createRandomHistory } from "./random-history.ts";

export type Limits = Readonly<{ eventsMax: number; removedMax: number }>;

/** A history long enough that most of its tasks have come and gone. */
export const STEPS = 120;

/** As bytes, so that any difference shows. What a removed task had in its environment is not kept. */
const bytesOf = (task: Task, isGone: boolean): string =>
  Buffer.from(
    toBinary(TaskSchema, { ...task, spec: task.spec && { ...task.spec, env: {} } }),
  ).toString("hex") + (isGone ? "" : JSON.stringify(task.spec?.env));

export type Recorded = Readonly<{ ms: number; revision: bigint; tasks: readonly Task[] }>;

/** Lets things happen, notes how the ledger was after each, and asks for all of that afterwards. */
export async function live(store: Store, seed: number, limits: Limits) {
  const random = createSeededRandom(seed);
  const clock = createManualClock();
  const history = createRandomHistory(random);
  const recorded: Recorded[] = [];
  let rig = await open();

  async function open() {
    const opened = await createManagerRig({ store, clock });
    const control = new AbortController();
    const loops = [
      runEventTrimmer({ ...opened }, limits, control.signal),
      runHistoryKeeper(
        { ...opened },
        { historyMs: Number.POSITIVE_INFINITY, ...limits },
        control.signal,
      ),
    ];
    const close = async () => {
      for (let turn = 0; turn < 50; turn++) await systemClock.turn();
      control.abort();
      await Promise.all(loops);
    };
    return { ...opened, close };
  }

  for (let step = 0; step < STEPS; step++) {
    await clock.advance(1 + Math.floor(random() * 5_000));
    await history.happen(rig.ledger, clock.now());
    recorded.push(noted(rig.ledger, clock.now()));
    if (random() < 0.02) {
      await rig.close();
      rig = await open();
    }
  }
  await rig.close();
  return { rig, recorded, random };
}

const noted = (ledger: Ledger, ms: number): Recorded => ({
  ms,
  revision: ledger.revision(),
  tasks: [...ledger.tasks.all()],
});

type Lived = Awaited<ReturnType<typeof live>>;

/** All that is told of a time, asked for in pages of some size. */
async function askAt({ client }: Lived["rig"], ms: number, pageSize: number) {
  const tasks: Task[] = [];
  const gaps: string[] = [];
  let revision = 0n;
  let pageToken = "";
  do {
    const page = await client.listTasks({ atTime: toTimestamp(ms), pageSize, pageToken });
    tasks.push(...page.tasks);
    gaps.push(...page.gaps.map(({ id }) => id));
    revision = page.revision;
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return { tasks, gaps, revision };
}

/** Compares what is told of every recorded moment with what was. How many could be told. */
export async function compare({
  rig,
  recorded,
  random,
}: Lived): Promise<Readonly<Record<string, number>>> {
  const counts = { told: 0, refused: 0, gaps: 0 };
  const isGone = ({ id }: Task) => rig.ledger.tasks.get(id) === undefined;
  for (const { ms, tasks, revision } of recorded) {
    const answer = await askAt(rig, ms, 1 + Math.floor(random() * 40)).catch((error) => {
      if (reasonOf(error) !== "PAST_NOT_KEPT") throw error;
      return undefined;
    });
    const isKept = ms >= rig.ledger.horizon().ms;
    expect([ms, answer !== undefined]).toEqual([ms, isKept]);
    if (!answer) {
      counts.refused++;
      continue;
    }
    const forgotten = new Set(answer.gaps);
    const expected = tasks.filter(({ id }) => !forgotten.has(id));
    expect(answer.tasks.map((task) => bytesOf(task, isGone(task)))).toEqual(
      expected.map((task) => bytesOf(task, isGone(task))),
    );
    // One that began between two events that are kept may not have been there yet.
    const early = [...forgotten].filter((id) => !tasks.some((task) => task.id === id));
    const soon = recorded.filter((each) => each.ms > ms).flatMap((each) => each.tasks);
    for (const id of early) expect(soon.some((task) => task.id === id)).toBe(true);
    expect(expected.length + forgotten.size - early.length).toBe(tasks.length);
    if (forgotten.size === 0) expect(answer.revision).toBeLessThanOrEqual(revision);
    counts.told++;
    counts.gaps += forgotten.size;
  }
  return counts;
}
