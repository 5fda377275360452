import type { JsonObject } from "@bufbuild/protobuf";
import { createSeededRandom, type Random } from "../lib/random.ts";
import { type Fault, type FaultName, faultNames, faults, type Target } from "./faults.ts";
import type { FaultStep, OperatorStep, Plan, Step, UserStep } from "./plan.ts";

/** A world, its users and its troubles, drawn from a seed. */
export function randomPlan(seed: number): Plan {
  const dice = createDice(seed);
  const focus = dice.chance(0.12) ? dice.any(FOCUSES) : undefined;
  const workerCount = focus || dice.chance(0.6) ? 3 : dice.between(1, 6);
  // Most of what goes wrong does so within a minute. Long worlds are for budgets and windows.
  const troubleMs = (dice.chance(0.85) ? dice.between(15, 60) : dice.between(60, 150)) * 1_000;
  const taskCount = dice.between(5, 30);
  const names = Array.from({ length: taskCount }, (_, index) => `t${index + 1}`);
  const userSteps = names.flatMap((task) => lifeOf(task, { dice, troubleMs }));
  const kinds = focus?.kinds ?? dice.subset(faultNames, dice.between(1, 8));
  const faultCount = focus ? 1 : dice.between(1, 14);
  const world = { workerCount, names, leastMs: focus?.leastMs ?? 0 };
  const faultSteps = Array.from({ length: faultCount }, () =>
    anyFault(dice.any(kinds), { dice, troubleMs, world }),
  );
  const operatorSteps = dice.chance(0.35) ? operations({ dice, troubleMs, world }) : [];
  const steps: Step[] = [...userSteps, ...operatorSteps, ...faultSteps].sort(
    (a, b) => a.atMs - b.atMs,
  );
  return { seed, workerCount, troubleMs, steps };
}

type Focus = Readonly<{ kinds: readonly FaultName[]; leastMs: number }>;

/** One thing that goes wrong for long, and nothing else to excuse what follows. */
const FOCUSES: readonly Focus[] = [
  { kinds: ["blackout"], leastMs: 9_000 },
  { kinds: ["isolation", "partition"], leastMs: 10_000 },
  { kinds: ["power-loss", "freeze", "crash"], leastMs: 10_000 },
];

type Dice = ReturnType<typeof createDice>;

function createDice(seed: number) {
  // Not the sequence that the run itself draws from.
  const random: Random = createSeededRandom(seed ^ 0x5eed);
  const between = (least: number, most: number) =>
    least + Math.floor(random() * (most - least + 1));
  const any = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  return {
    random,
    between,
    any,
    chance: (share: number) => random() < share,
    subset<T>(items: readonly T[], count: number): readonly T[] {
      const left = [...items];
      return Array.from({ length: count }, () => left.splice(between(0, left.length - 1), 1))
        .flat()
        .slice(0, count);
    },
  };
}

type Circumstances = Readonly<{ dice: Dice; troubleMs: number }>;

/** A task's life as its user has it: submitted, perhaps stopped, perhaps removed. */
function lifeOf(task: string, { dice, troubleMs }: Circumstances): readonly UserStep[] {
  const atMs = dice.between(0, troubleMs * 0.8);
  const spec = anySpec(task, dice);
  const calls = dice.chance(0.1) ? 3 : 1;
  const laterMs = () => dice.between(0, dice.chance(0.3) ? 50 : troubleMs - atMs);
  const again = dice.chance(0.2) && { againMs: laterMs() };
  const steps: UserStep[] = [{ atMs, do: "submit", task, spec, calls, ...again }];
  const later = () => atMs + laterMs();
  if (dice.chance(0.3)) steps.push({ atMs: later(), do: "stop", task });
  if (dice.chance(0.2)) steps.push({ atMs: later(), do: "remove", task, force: dice.chance(0.6) });
  // What restarts for ever has to be stopped, or nothing would ever be quiet.
  if (isRestless(spec)) steps.push({ atMs: troubleMs, do: "stop", task });
  return steps;
}

const IMAGES = [
  ...["web:1", "web:1", "web:1", "web:ignores", "web:pull-3000", "web:remote"],
  ...["web:after-50.exit-0", "web:after-50.exit-3", "web:after-2000.exit-3"],
  ...["web:after-2000.exit-0", "web:after-20000.exit-0", "web:after-20000.exit-7"],
  ...["web:after-1000.oom", "web:nostart", "web:missing", "web:unreachable"],
];

const POLICIES: readonly (JsonObject | undefined)[] = [
  undefined,
  { mode: "RESTART_MODE_NO" },
  { mode: "RESTART_MODE_ON_FAILURE", restartsMax: 2 },
  { mode: "RESTART_MODE_ON_FAILURE", restartsMax: 3, window: "120s" },
  { mode: "RESTART_MODE_ON_FAILURE" },
  { mode: "RESTART_MODE_ALWAYS", restartsMax: 2 },
  { mode: "RESTART_MODE_ALWAYS", restartsMax: 1, window: "60s" },
  { mode: "RESTART_MODE_UNLESS_STOPPED" },
];

const QUICK_PROBE = { tcp: { port: 80 }, interval: "0.5s", timeout: "0.3s", failureThreshold: 2 };

/** What takes its time to stop and must not run twice meanwhile. */
const SINGLETON: JsonObject = {
  image: "web:ignores",
  onDisconnect: "ON_DISCONNECT_STOP",
  stopGrace: "5s",
  restartPolicy: { mode: "RESTART_MODE_ALWAYS" },
};

/** Parts of specs that go together. */
const SPECIALTIES: readonly JsonObject[] = [
  { image: "web:unhealthy-after-5000", livenessProbe: QUICK_PROBE },
  { image: "web:1", livenessProbe: QUICK_PROBE, readinessProbe: QUICK_PROBE },
  { image: "web:deaf", livenessProbe: QUICK_PROBE },
  {
    image: "web:healthy-after-3000",
    startupProbe: { ...QUICK_PROBE, failureThreshold: 20 },
    livenessProbe: QUICK_PROBE,
  },
  { image: "web:pull-3000.late", pullTimeout: "1s" },
  { image: "web:1", placementTimeout: "5s" },
  SINGLETON,
  SINGLETON,
];

function anySpec(name: string, dice: Dice): JsonObject {
  const restartPolicy = dice.any(POLICIES);
  const cpuMillis = dice.any(["0", "10", "100", "500", "2000"]);
  return {
    name,
    image: dice.any(IMAGES),
    reservation: { cpuMillis, memoryBytes: String(dice.any([0, 2 ** 20, 2 ** 30])) },
    stopGrace: dice.any(["0s", "1s", "5s"]),
    ...(restartPolicy && { restartPolicy }),
    ...(dice.chance(0.15) && { ports: [{ containerPort: 80, hostPort: dice.any([8080, 8081]) }] }),
    ...(dice.chance(0.2) && { onDisconnect: "ON_DISCONNECT_STOP" }),
    ...(dice.chance(0.2) && dice.any(SPECIALTIES)),
  };
}

/** Whether a task may be restarted without end. */
const isRestless = ({ image, restartPolicy, pullTimeout }: JsonObject): boolean => {
  const policy = restartPolicy as JsonObject | undefined;
  const isBounded = policy?.["restartsMax"] !== undefined || policy === undefined;
  const isSteady = /:(1|ignores|pull|remote|healthy)/.test(String(image)) && !pullTimeout;
  return !isBounded && !isSteady;
};

type Surroundings = Circumstances &
  Readonly<{
    world: Readonly<{
      workerCount: number;
      names: readonly string[];
      /** How long each fault lasts at least. */
      leastMs: number;
    }>;
  }>;

function anyFault(fault: FaultName, { dice, troubleMs, world }: Surroundings): FaultStep {
  const { target }: Fault = faults[fault];
  const { leastMs } = world;
  const atMs = dice.between(500, troubleMs - leastMs);
  const anyMs = Math.max(leastMs, dice.any([50, 500, 2_000, 8_000, 20_000, 45_000]));
  const forMs = Math.min(anyMs, troubleMs - atMs);
  return {
    ...{ do: "fault" as const, atMs, fault, forMs },
    ...placeOf(target, { dice, troubleMs, world }),
    level: Math.round(dice.random() * 100) / 100,
  };
}

/** Workers are paused, drained, and in the end all active again; now and then all is evened out. */
function operations({ dice, troubleMs, world }: Surroundings): readonly OperatorStep[] {
  const workers = workersOf(world);
  const changes = Array.from({ length: dice.between(1, 5) }, (): OperatorStep => {
    const atMs = dice.between(2_000, troubleMs);
    if (dice.chance(0.25)) return { atMs, do: "rebalance" };
    const to = dice.any(["PAUSED", "DRAINING", "DRAINING", "ACTIVE"] as const);
    return { atMs, do: "set-availability", worker: dice.any(workers), to };
  });
  const last = workers.map(
    (worker): OperatorStep => ({ atMs: troubleMs, do: "set-availability", worker, to: "ACTIVE" }),
  );
  return [...changes, ...last];
}

const workersOf = ({ workerCount }: Surroundings["world"]): readonly string[] =>
  Array.from({ length: workerCount }, (_, index) => `worker-${index + 1}`);

function placeOf(target: Target, { dice, world }: Surroundings): { on: string; to?: string } {
  const workers = workersOf(world);
  switch (target) {
    case "manager":
      return { on: "manager" };
    case "workers":
      return { on: "workers" };
    case "worker":
      return { on: dice.any(workers) };
    case "part":
      return { on: dice.any(["manager", "registry", ...workers]) };
    case "task":
      return { on: dice.any(world.names) };
    case "pair": {
      const pair = anyPair(dice, workers);
      const [on, to] = dice.chance(0.5) ? pair : [pair[1], pair[0]];
      return { on, to };
    }
  }
}

/** Two machines that talk to each other. */
function anyPair(dice: Dice, workers: readonly string[]): readonly [string, string] {
  const worker = dice.any(workers);
  return dice.any([
    ["manager", worker],
    ["manager", worker],
    ["registry", worker],
    ["registry", worker],
    ["manager", "registry"],
    ["manager", "user"],
  ] as const);
}
