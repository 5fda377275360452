import { systemClock } from "../../lib/clock.ts";
import type { Random } from "../../lib/random.ts";
import type { EtcdServer } from "./etcd-server.ts";
import type { ManagerProcess } from "./manager-processes.ts";

/** Something that goes wrong for a while. */
type Trouble = Readonly<{ begin: () => unknown; end: () => unknown }>;

/** How long all is well with one of them, and how long not. Leases are 2 s. */
const CALM_MS = [500, 5_000] as const;
const TROUBLE_MS = [200, 4_000] as const;

type Subject = Readonly<{
  kill(): Promise<void>;
  start(): Promise<void>;
  pause(): void;
  resume(): void;
}>;

const troublesOf = (subject: Subject): readonly Trouble[] => [
  { begin: subject.kill, end: subject.start },
  { begin: subject.pause, end: subject.resume },
];

/**
 * Kills and stops managers and etcd for a while each, at random and so that several are away at once.
 * All of them are there again when it resolves.
 */
export async function makeTurmoil(
  { managers, etcd }: Readonly<{ managers: readonly ManagerProcess[]; etcd: EtcdServer }>,
  { durationMs, random }: Readonly<{ durationMs: number; random: Random }>,
): Promise<void> {
  const endMs = systemClock.monotonic() + durationMs;
  const between = ([least, most]: readonly [number, number]) => least + random() * (most - least);

  async function trouble(subject: Subject): Promise<void> {
    const troubles = troublesOf(subject);
    for (;;) {
      await systemClock.sleep(between(CALM_MS));
      if (systemClock.monotonic() >= endMs) return;
      const { begin, end } = pick(troubles, random);
      await begin();
      await systemClock.sleep(between(TROUBLE_MS));
      await end();
    }
  }

  await Promise.all([...managers, etcd].map(trouble));
}

export function pick<T>(all: readonly T[], random: Random): T {
  const chosen = all[Math.floor(random() * all.length)];
  if (chosen === undefined) throw new Error("there is nothing to pick from");
  return chosen;
}
