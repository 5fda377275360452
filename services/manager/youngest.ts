/** Ids of which the youngest are asked for again and again. The younger one sorts later. */
export interface Youngest {
  readonly size: number;
  add(id: string): void;
  remove(id: string): void;
  /** The youngest, as many as were agreed on, the very youngest first. */
  list(): readonly string[];
}

/**
 * What was found is kept, so that asking for each of 100,000 tasks that were lost together costs no
 * sorting of 100,000 names each time. All are looked through again only after one of those has gone.
 */
export function createYoungest(max: number): Youngest {
  const ids = new Set<string>();
  let found: string[] | undefined;

  /** Puts an id among the found, if it is as young. */
  function place(id: string, among: string[]): void {
    if (among.length === max && id < (among[max - 1] ?? "")) return;
    const after = among.findIndex((other) => other < id);
    among.splice(after === -1 ? among.length : after, 0, id);
    if (among.length > max) among.pop();
  }

  function find(): string[] {
    const among: string[] = [];
    for (const id of ids) place(id, among);
    return among;
  }

  return {
    get size() {
      return ids.size;
    },
    add(id) {
      if (ids.has(id)) return;
      ids.add(id);
      if (found) place(id, found);
    },
    remove(id) {
      if (ids.delete(id) && found?.includes(id)) found = undefined;
    },
    list() {
      found ??= find();
      return found;
    },
  };
}
