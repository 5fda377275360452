/** Something that happens at a moment of virtual time. */
export type Timed = Readonly<{
  /** When, in milliseconds since the world began. */
  dueMs: number;
  /** Which of two at one moment was made first. */
  sequence: number;
}>;

/** Hands out what is due first; of two at one moment the one that was made first. */
export interface EventQueue<T extends Timed> {
  readonly size: number;
  push(item: T): void;
  peek(): T | undefined;
  pop(): T | undefined;
}

/** A binary heap. */
export function createEventQueue<T extends Timed>(): EventQueue<T> {
  const heap: T[] = [];
  return {
    get size() {
      return heap.length;
    },
    push(item) {
      heap.push(item);
      rise(heap, heap.length - 1);
    },
    peek: () => heap[0],
    pop() {
      const [first] = heap;
      const last = heap.pop();
      if (last !== undefined && heap.length > 0) {
        heap[0] = last;
        sink(heap, 0);
      }
      return first;
    },
  };
}

const isBefore = (a: Timed | undefined, b: Timed | undefined): boolean =>
  a !== undefined &&
  (b === undefined || a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.sequence < b.sequence));

function rise<T extends Timed>(heap: T[], start: number): void {
  for (let at = start; at > 0; ) {
    const parent = (at - 1) >> 1;
    if (!isBefore(heap[at], heap[parent])) return;
    swap(heap, at, parent);
    at = parent;
  }
}

function sink<T extends Timed>(heap: T[], start: number): void {
  for (let at = start; ; ) {
    const left = 2 * at + 1;
    const child = isBefore(heap[left + 1], heap[left]) ? left + 1 : left;
    if (!isBefore(heap[child], heap[at])) return;
    swap(heap, at, child);
    at = child;
  }
}

function swap<T>(heap: T[], a: number, b: number): void {
  const [first, second] = [heap[a], heap[b]];
  if (first === undefined || second === undefined) return;
  heap[a] = second;
  heap[b] = first;
}
