import type { JsonObject } from "@bufbuild/protobuf";
import type { Dice } from "./dice.ts";
import type { UserStep } from "./plan.ts";

/** What a part of a plan is drawn with. */
export type Circumstances = Readonly<{ dice: Dice; troubleMs: number }>;

/** How soon those change their minds who do not know what they want. */
const WHIM_MS = 4_000;

/**
 * A task's life as its user has it: submitted, perhaps stopped, perhaps removed. `isHasty`: most
 * users change their minds at once.
 */
export function lifeOf(
  task: string,
  { dice, troubleMs, isHasty }: Circumstances & Readonly<{ isHasty: boolean }>,
): readonly UserStep[] {
  const atMs = dice.between(0, troubleMs * 0.8);
  const spec = anySpec(task, dice);
  const calls = dice.chance(0.1) ? 3 : 1;
  const longestMs = isHasty ? Math.min(WHIM_MS, troubleMs - atMs) : troubleMs - atMs;
  const laterMs = () => dice.between(0, dice.chance(0.3) ? 50 : longestMs);
  const again = dice.chance(0.2) && { againMs: laterMs() };
  const steps: UserStep[] = [{ atMs, do: "submit", task, spec, calls, ...again }];
  const later = () => atMs + laterMs();
  if (dice.chance(isHasty ? 0.8 : 0.3)) steps.push({ atMs: later(), do: "stop", task });
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

/** Takes longer than anybody waits, so that its user has to stop it. */
const ENDLESS_PULL = "web:pull-900000.endless";

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
  { image: "web:pull-900000.stuck", pullTimeout: "2s" },
  { image: ENDLESS_PULL },
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

/** Whether a task may be restarted, or wait for its image, without end. */
const isRestless = ({ image, restartPolicy, pullTimeout }: JsonObject): boolean => {
  const policy = restartPolicy as JsonObject | undefined;
  const isBounded = policy?.["restartsMax"] !== undefined || policy === undefined;
  if (image === ENDLESS_PULL) return true;
  const isSteady = /:(1|ignores|pull|remote|healthy)/.test(String(image)) && !pullTimeout;
  return !isBounded && !isSteady;
};
