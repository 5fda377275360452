/** What is known of a process at one moment. */
export type Sight = Readonly<{
  /** How often its event loop said that it turns. */
  turns: number;
  /** What it has used of the CPU since it began. */
  cpuMs: number;
}>;

/**
 * Tells a process that is stuck from one that is only slow. Answers how much of the CPU went by
 * since the event loop last turned, once that is more than `cpuMsMax`.
 *
 * CPU time, not time: a process that is paused, swapped out, or gets little of a busy machine does
 * not turn for long either, and is well.
 */
export function createTurnJudge(cpuMsMax: number): (sight: Sight) => number | undefined {
  let last: Sight | undefined;
  return (sight) => {
    if (last?.turns !== sight.turns) last = sight;
    const spentMs = sight.cpuMs - last.cpuMs;
    return spentMs > cpuMsMax ? spentMs : undefined;
  };
}
