/** A computation that can be interrupted at each `yield`. */
export type Slices<T> = Generator<undefined, T, undefined>;

/** Carries out at once what could be carried out in slices. */
export function atOnce<T>(work: Slices<T>): T {
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
  }
}
