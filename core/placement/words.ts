/** For people: "1 worker", "2 workers". */
export const workers = (count: number): string => plural(count, "worker");

/** For people: "1 task", "2 tasks". */
export const tasks = (count: number): string => plural(count, "task");

const plural = (count: number, noun: string): string =>
  count === 1 ? `1 ${noun}` : `${count} ${noun}s`;
