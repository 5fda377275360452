/** Tells of a law that was broken, by its name, and of how. The first complaint ends a run. */
export type Complain = (invariant: string, text: string) => void;
