import { AssertionError } from "../../assert.ts";
import type { Batch, BatchLimits, CommitResult, Write } from "../store.ts";
import type { Prepared } from "./etcd-prepared.ts";

/** A batch that waits to be written, and the one who waits for it. */
export type Waiting = Readonly<{
  prepared: Prepared;
  sinceMs: number;
  resolve: (result: CommitResult) => void;
  reject: (error: unknown) => void;
}>;

/**
 * Batches that become one transaction. What a `guarded` one comes to depends on what is stored,
 * so it is looked at first, and written alone; a `plain` group is written without a look.
 */
export type Group = Readonly<{ kind: "plain" | "guarded"; entries: readonly Waiting[] }>;

/** The bytes of a batch. Throws an AssertionError that says by how much it is too large. */
export function assertFits({ guards = [], writes }: Batch, limits: BatchLimits): number {
  const bytes = bytesOf(writes);
  const operations = guards.length + writes.length;
  if (operations > limits.operations)
    complain(`${operations} writes and guards`, limits.operations);
  if (bytes > limits.bytes) complain(`${bytes} bytes`, limits.bytes);
  return bytes;
}

function complain(size: string, limit: number): never {
  throw new AssertionError(`a batch has ${size}, and etcd takes ${limit} at once: cut it`);
}

const bytesOf = (writes: readonly Write[]): number =>
  writes.reduce((sum, write) => sum + Buffer.byteLength(write.key) + valueBytes(write), 0);

const valueBytes = (write: Write): number => (write.kind === "put" ? write.value.length : 0);

/** Whether nothing but the writes says what becomes of the batch. */
const isPlain = ({ guards = [], writes }: Batch): boolean =>
  guards.length === 0 && writes.some(({ kind }) => kind === "put");

/**
 * The first of `queue` that can be one transaction. etcd writes a key once in a transaction; and a
 * deletion, which cannot carry the revision of its batch, has that of the group's last one.
 */
export function firstGroup(queue: readonly Waiting[], limits: BatchLimits): Group {
  const [first] = queue;
  if (first && !isPlain(first.prepared.batch)) return { kind: "guarded", entries: [first] };
  const room = createRoom(limits);
  const end = queue.findIndex(({ prepared }) => !room.take(prepared));
  return { kind: "plain", entries: end === -1 ? queue.slice() : queue.slice(0, end) };
}

function createRoom(limits: BatchLimits) {
  const keys = new Set<string>();
  let bytes = 0;
  let isClosed = false;

  const fits = ({ writes }: Batch, more: number) =>
    keys.size + writes.length <= limits.operations &&
    bytes + more <= limits.bytes &&
    !writes.some(({ key }) => keys.has(key));

  return {
    /** False when the batch has to wait for the next group. */
    take({ batch, bytes: more }: Prepared): boolean {
      if (isClosed || !isPlain(batch) || !fits(batch, more)) return false;
      for (const { key } of batch.writes) keys.add(key);
      bytes += more;
      isClosed = batch.writes.some(({ kind }) => kind === "delete");
      return true;
    },
  };
}
