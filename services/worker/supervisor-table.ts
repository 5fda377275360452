import type { TraceContext } from "../../lib/trace/trace-context.ts";
import { type Attempt, compareKeys, keyText, type Stage } from "./attempt.ts";
import { type AttemptDriver, createAttemptDriver, type DriverDeps } from "./attempt-driver.ts";
import type { AttemptSpec } from "./attempt-resources.ts";
import type { AttemptKey } from "./runtime.ts";
import type { StandingOrders } from "./standing-orders.ts";

/** The attempts that a worker holds, each with its driver. */
export interface AttemptTable {
  /** Holds an attempt and begins to drive it. */
  add(first: FirstFacts): void;
  find(key: AttemptKey): AttemptDriver | undefined;
  delete(key: AttemptKey): void;
  drivers(): readonly AttemptDriver[];
  /** Where every attempt stands, ordered by task and number. */
  list(): readonly Attempt[];
  readonly count: number;
}

export type FirstFacts = Readonly<{
  key: AttemptKey;
  name: string;
  spec: AttemptSpec | undefined;
  image?: string;
  orders: StandingOrders;
  stage: Stage;
  trace?: TraceContext | undefined;
}>;

type Options = Readonly<{
  /** What the engine last said that it is. Empty before it has spoken. */
  engine: () => string;
  /** What every driver needs, asked for when one is made. */
  driverDeps: () => DriverDeps;
  /** Aborts when the attempts are to be left as they are. */
  signal: AbortSignal;
  /** An attempt is held from now on. */
  onAdd: (driver: AttemptDriver) => void;
  onEnd: (attempt: Attempt) => void;
  onBug: (error: unknown) => void;
}>;

export function createAttemptTable(options: Options): AttemptTable {
  const drivers = new Map<string, AttemptDriver>();
  /** The same in order, until one comes or goes: they are asked for at every heartbeat. */
  let ordered: readonly AttemptDriver[] | undefined;
  const leaveAll = () => {
    for (const driver of drivers.values()) driver.leave();
  };
  options.signal.addEventListener("abort", leaveAll, { once: true });
  return {
    add(facts) {
      const deps = options.driverDeps();
      const { clock } = deps;
      const now = { observeTimeMs: clock.now(), effortMs: clock.monotonic() };
      const engine = options.engine();
      const first: Attempt = {
        ...facts,
        ...now,
        engine,
        trouble: undefined,
        wish: { kind: "run" },
      };
      const driver = createAttemptDriver(deps, first);
      drivers.set(keyText(facts.key), driver);
      ordered = undefined;
      deps.onNews(first);
      options.onAdd(driver);
      driver
        .run()
        .then(() => options.onEnd(driver.current()))
        .catch(options.onBug);
    },
    find: (key) => drivers.get(keyText(key)),
    delete(key) {
      drivers.delete(keyText(key));
      ordered = undefined;
    },
    drivers: () => [...drivers.values()],
    list() {
      ordered ??= [...drivers.values()].sort(byKey);
      return ordered.map((driver) => driver.current());
    },
    get count() {
      return drivers.size;
    },
  };
}

const byKey = (a: AttemptDriver, b: AttemptDriver): number =>
  compareKeys(a.current().key, b.current().key);
