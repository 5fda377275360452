/** Pending tasks that no worker could take when they were tried last. */
export interface WaitingList {
  /**
   * Not to be tried again before `untilMs`, or before something changes: a worker that has refused
   * one may be asked again after a while. `isDependent`: it may find a place because other tasks
   * got one or because a worker went, though nobody offers more than before.
   */
  add(taskId: string, untilMs: number, isDependent: boolean): void;
  isDue(taskId: string, now: number): boolean;
  remove(taskId: string): void;
  /** All may be tried again. */
  clear(): void;
  /** The dependent ones may be. Whether there are any. */
  clearDependent(): boolean;
  /** Until when tasks wait that do not wait for ever. */
  times(): Iterable<number>;
}

export function createWaitingList(): WaitingList {
  const waiting = new Map<string, number>();
  /** Those of them that do not wait for ever: few, as only refusals end by themselves. */
  const ending = new Map<string, number>();
  const dependent = new Set<string>();

  function remove(taskId: string): void {
    waiting.delete(taskId);
    ending.delete(taskId);
    dependent.delete(taskId);
  }

  return {
    add(taskId, untilMs, isDependent) {
      waiting.set(taskId, untilMs);
      if (untilMs === Number.POSITIVE_INFINITY) ending.delete(taskId);
      else ending.set(taskId, untilMs);
      if (isDependent) dependent.add(taskId);
    },
    isDue: (taskId, now) => (waiting.get(taskId) ?? 0) <= now,
    remove,
    clear() {
      waiting.clear();
      ending.clear();
      dependent.clear();
    },
    clearDependent() {
      const hadAny = dependent.size > 0;
      for (const taskId of [...dependent]) remove(taskId);
      return hadAny;
    },
    times: () => ending.values(),
  };
}
