/** A step on the way to a field: a name, a key of a map, or an index. */
export type Step = string | number;

/** The steps of a path as violations name fields: `ports[0].host_port`, `env["A.B"]`. */
export function stepsOf(path: string): readonly Step[] {
  const parts = path.matchAll(/\[(\d+)\]|\["((?:[^"\\]|\\.)*)"\]|([^.[\]]+)/g);
  return [...parts].map(([, index, key, name]) => {
    if (index !== undefined) return Number(index);
    return key === undefined ? (name ?? "") : unquoted(key);
  });
}

/** A name that was cut in the middle of an escape is no JSON, and nothing's name either. */
function unquoted(key: string): string {
  try {
    return JSON.parse(`"${key}"`) as string;
  } catch {
    return key;
  }
}

/** A name of the contract as JSON has it: `memoryBytes`. */
export const camelCase = (name: string): string =>
  name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
