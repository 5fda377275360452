/** A cluster that has a name: where its managers are. */
export type NamedCluster = Readonly<{ addr: string; description: string }>;

/** The clusters that a user has named, and which of them is talked to when none is said. */
export type Contexts = Readonly<{
  current: string | undefined;
  clusters: ReadonlyMap<string, NamedCluster>;
}>;

export const NO_CONTEXTS: Contexts = { current: undefined, clusters: new Map() };

/** What is talked to when no context is named: never kept, always there. */
export const DEFAULT_CONTEXT = "default";

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

/** What keeps a text from being the name of a context; undefined when nothing does. */
export function problemOfName(name: string): string | undefined {
  const quoted = JSON.stringify(name);
  if (name === DEFAULT_CONTEXT) return `${quoted} means this machine: choose another name`;
  return NAME.test(name)
    ? undefined
    : `${quoted}: a name must have letters, digits, dots, dashes and underscores, at most 63, and begin with a letter or digit`;
}
