import type { MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { DesiredState, RestartMode, type TaskSpecSchema } from "../../gen/berth/v1/task_pb.ts";
import { createSeededRandom, type Random } from "../../lib/random.ts";
import type { FakeContainer } from "../../services/worker/fake-runtime-engine.ts";
import {
  breakEngine,
  exitProcess,
  mendEngine,
  removeByForce,
} from "../../services/worker/fake-runtime-faults.ts";
import type { RememberedEngine } from "./engine-memory.ts";
import type { Cluster } from "./harness.ts";
import type { User, Wish } from "./user.ts";

type Chaos = Readonly<{
  cluster: Cluster;
  user: User;
  random: Random;
  /** Begins something that goes on while other things happen. */
  begin: (name: string, work: Promise<unknown>) => void;
  /** Parts that are being restarted, and must not be again just now. */
  underRepair: Set<string>;
}>;

/** What can happen, and how often it does. */
const happenings: readonly (readonly [
  weight: number,
  name: string,
  act: (chaos: Chaos) => void,
])[] = [
  [12, "submit", submit],
  [5, "submit and stop", submitAndStop],
  [2, "submit and force-remove", submitAndRemove],
  [6, "stop", stop],
  [4, "remove", remove],
  [2, "restart manager", (chaos) => restart(chaos, "manager")],
  [1, "restart registry", (chaos) => restart(chaos, "registry")],
  [3, "restart worker", (chaos) => restart(chaos, anyOf(chaos, workerIds(chaos)))],
  [3, "cut", cut],
  [2, "engine trouble", troubleEngine],
  [3, "engines mended", ({ cluster }) => mendAll(cluster)],
  [1, "answer lost", (chaos) => void anyEngine(chaos).engine.lostAnswers++],
  [1, "hints lost", muteEngine],
  [2, "tamper", tamper],
];

const STEPS = 40;

/** Between two happenings: often too short for anything to be finished. */
const PAUSE_MS_MAX = 400;

/** Lets `STEPS` random things happen, then mends all and waits until users have their answers. */
export async function wreakHavoc(cluster: Cluster, user: User, seed: number): Promise<void> {
  const random = createSeededRandom(seed);
  const { events, clock, engines } = cluster;
  const underWay: Promise<unknown>[] = [];
  const begin = (name: string, work: Promise<unknown>) => {
    const told = work.catch((error: unknown) => events.bugs.push(`${name}: ${error}`));
    underWay.push(told);
  };
  const chaos: Chaos = { cluster, user, random, begin, underRepair: new Set() };
  for (let step = 0; step < STEPS; step++) {
    const [, name, act] = anyWeighted(random);
    events.note("chaos", { step }, name);
    act(chaos);
    await clock.sleep(random() * PAUSE_MS_MAX);
  }
  for (const { engine } of engines.values()) {
    engine.isMute = false;
    engine.lostAnswers = 0;
  }
  mendAll(cluster);
  events.note("chaos", {}, "all mended");
  await Promise.all(underWay);
}

function mendAll({ engines }: Cluster): void {
  for (const { engine } of engines.values()) mendEngine(engine);
}

function anyWeighted(random: Random) {
  const total = happenings.reduce((sum, [weight]) => sum + weight, 0);
  let left = random() * total;
  const found = happenings.find(([weight]) => {
    left -= weight;
    return left < 0;
  });
  if (!found) throw new Error("weights do not add up");
  return found;
}

const IMAGES = [
  ...["web:1", "web:1", "web:ignores", "web:pull-300", "web:remote"],
  ...[
    "web:after-50.exit-0",
    "web:after-50.exit-3",
    "web:after-1500.exit-3",
    "web:after-1500.exit-0",
  ],
  ...["web:nostart", "web:missing"],
];

const POLICIES = [
  { mode: RestartMode.NO },
  { mode: RestartMode.NO },
  { mode: RestartMode.ON_FAILURE, restartsMax: 2 },
  { mode: RestartMode.ALWAYS, restartsMax: 2 },
];

const anyOf = <T>({ random }: Pick<Chaos, "random">, items: readonly T[]): T => {
  const item = items[Math.floor(random() * items.length)];
  if (item === undefined) throw new Error("nothing to choose from");
  return item;
};

const anySpec = (chaos: Chaos): MessageInitShape<typeof TaskSpecSchema> => ({
  image: anyOf(chaos, IMAGES),
  restartPolicy: anyOf(chaos, POLICIES),
  reservation: { cpuMillis: anyOf(chaos, [0n, 10n, 100n]) },
  stopGrace: durationFromMs(anyOf(chaos, [0, 300])),
  ports: anyOf(chaos, [[], [], [{ containerPort: 80 }]]),
});

const workerIds = ({ cluster }: Chaos) => [...cluster.engines.keys()];

const anyEngine = (chaos: Chaos): RememberedEngine =>
  anyOf(chaos, [...chaos.cluster.engines.values()]);

/** A task that the user has not asked to be removed, if there is one. */
function anyTask(chaos: Chaos): Wish | undefined {
  const wishes = [...chaos.user.wishes.values()].filter(
    ({ desired }) => desired !== DesiredState.REMOVE,
  );
  return wishes.length === 0 ? undefined : anyOf(chaos, wishes);
}

function submit(chaos: Chaos): void {
  const calls = anyOf(chaos, [1, 1, 3]);
  chaos.begin("submit", chaos.user.submit(anySpec(chaos), calls));
}

function submitAndStop(chaos: Chaos): void {
  const { user } = chaos;
  const submitted = user.submit(anySpec(chaos));
  chaos.begin(
    "submit and stop",
    submitted.then(({ taskId }) => user.stop(taskId)),
  );
}

function submitAndRemove(chaos: Chaos): void {
  const { user } = chaos;
  const submitted = user.submit(anySpec(chaos));
  chaos.begin(
    "submit and remove",
    submitted.then(({ taskId }) => user.remove(taskId, true)),
  );
}

function stop(chaos: Chaos): void {
  const task = anyTask(chaos);
  if (task) chaos.begin("stop", chaos.user.stop(task.taskId));
}

function remove(chaos: Chaos): void {
  const task = anyTask(chaos);
  if (task) chaos.begin("remove", chaos.user.remove(task.taskId, chaos.random() < 0.5));
}

function restart({ cluster, random, begin, underRepair }: Chaos, part: string): void {
  if (underRepair.has(part)) return;
  underRepair.add(part);
  const done = cluster
    .restart(part, random() < 0.5 ? "stop" : "crash")
    .finally(() => underRepair.delete(part));
  begin(`restart of ${part}`, done);
}

function cut(chaos: Chaos): void {
  chaos.cluster.cut(anyOf(chaos, chaos.cluster.parts));
}

function troubleEngine(chaos: Chaos): void {
  breakEngine(anyEngine(chaos).engine, anyOf(chaos, ["down", "hung"] as const));
}

function muteEngine(chaos: Chaos): void {
  const { engine } = anyEngine(chaos);
  engine.isMute = !engine.isMute;
  mendEngine(engine);
}

/** Somebody ends a container behind everybody's back. */
function tamper(chaos: Chaos): void {
  const { engine } = anyEngine(chaos);
  const all: FakeContainer[] = [...engine.containers.values()];
  if (all.length === 0) return;
  const { key } = anyOf(chaos, all);
  const wish = chaos.user.wishes.get(key.taskId);
  if (!wish) return;
  wish.isTampered = true;
  if (chaos.random() < 0.5) removeByForce(engine, key);
  else exitProcess(engine, key, 9);
}
