import type { Block } from "../../core/drain.ts";

/** What holds drains up, as the drain loop found last. Read by the handlers; nothing is stored. */
export function createDrains() {
  const blocks = new Map<string, readonly Block[]>();
  return {
    blocksOf: (workerId: string) => blocks.get(workerId) ?? [],
    /** Only the drain loop writes. */
    set(workerId: string, found: readonly Block[]): void {
      if (found.length === 0) blocks.delete(workerId);
      else blocks.set(workerId, found);
    },
  };
}

export type DrainBoard = ReturnType<typeof createDrains>;
