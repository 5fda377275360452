import { createFifo, type Fifo } from "./fifo.ts";

/** Bounds how much of one kind of work is under way at a time. */
export interface Slots {
  /**
   * Runs `work` once a slot is free, in the order asked; what is `urgent` goes
   * before what is not. Throws when too many wait already.
   */
  run<T>(work: () => Promise<T>, order?: "urgent"): Promise<T>;
}

/** What is thrown when more than so many would have to wait. */
export type Waiting = Readonly<{ max: number; refusal: (max: number) => Error }>;

export function createSlots(limit: number, { max, refusal }: Waiting): Slots {
  let free = limit;
  const urgent = createFifo<() => void>();
  const patient = createFifo<() => void>();

  async function enter(queue: Fifo<() => void>): Promise<void> {
    if (free > 0) {
      free--;
      return;
    }
    if (urgent.size + patient.size >= max) throw refusal(max);
    await new Promise<void>((resolve) => queue.push(resolve));
  }

  /** Hands the slot to who waits, so that nobody can slip in between. */
  function leave(): void {
    const next = urgent.shift() ?? patient.shift();
    if (next) next();
    else free++;
  }

  return {
    async run(work, order) {
      await enter(order === "urgent" ? urgent : patient);
      try {
        return await work();
      } finally {
        leave();
      }
    },
  };
}
