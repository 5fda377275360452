import type { Clock } from "../../lib/clock.ts";

/**
 * Things by when they are due. All are kept equally long, so the order of arrival is the
 * order in which they are due, and no step of the wall clock can change it.
 */
export function createDueQueue(keptMs: number, clock: Clock) {
  const dueMsById = new Map<string, number>();

  return {
    size: (): number => dueMsById.size,
    /** What began to wait before this manager started, by its age on the wall clock. */
    fill(waiting: readonly Readonly<{ id: string; sinceMs: number }>[]): void {
      for (const { id, sinceMs } of waiting.toSorted((a, b) => a.sinceMs - b.sinceMs)) {
        const ageMs = clock.now() - sinceMs;
        const leftMs = Math.min(keptMs, Math.max(0, keptMs - ageMs));
        dueMsById.set(id, clock.monotonic() + leftMs);
      }
    },
    add: (id: string): void => void dueMsById.set(id, clock.monotonic() + keptMs),
    delete: (id: string): void => void dueMsById.delete(id),
    /** The earliest one. */
    first(): Readonly<{ dueMs: number }> | undefined {
      for (const dueMs of dueMsById.values()) return { dueMs };
      return undefined;
    },
    /** Takes out what is due, and of the rest the first until `sizeMax` are left; at most `limit`. */
    takeDue(limit: number, sizeMax = Number.POSITIVE_INFINITY): readonly string[] {
      const due: string[] = [];
      for (const [id, dueMs] of dueMsById) {
        const isDue = dueMs <= clock.monotonic() || dueMsById.size - due.length > sizeMax;
        if (!isDue || due.length === limit) break;
        due.push(id);
      }
      for (const id of due) dueMsById.delete(id);
      return due;
    },
  };
}
