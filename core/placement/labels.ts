type Labels = Readonly<Record<string, string>>;

/** What constraints can be put on: a worker's attributes and labels. */
export type Labelled = Readonly<{
  workerId: string;
  hostname: string;
  /** As in an image's platform, such as `linux`. */
  os: string;
  /** As in an image's platform, such as `amd64`. */
  architecture: string;
  /** Of Berth, on the worker. */
  version: string;
  /** The operators' own, which win over the others. */
  operatorLabels: Labels;
  /** Those that the worker registered with. */
  labels: Labels;
}>;

/** Keys that begin so name attributes, all others labels. */
const ATTRIBUTE_PREFIX = "worker.";

const ATTRIBUTES: ReadonlyMap<string, (worker: Labelled) => string> = new Map([
  ["worker.id", ({ workerId }: Labelled) => workerId],
  ["worker.hostname", ({ hostname }: Labelled) => hostname],
  ["worker.os", ({ os }: Labelled) => os],
  ["worker.architecture", ({ architecture }: Labelled) => architecture],
  ["worker.version", ({ version }: Labelled) => version],
]);

/** For people: the attributes there are. */
export const ATTRIBUTE_KEYS: readonly string[] = [...ATTRIBUTES.keys()];

/** Whether a key is in the place of an attribute and there is none of that name. */
export const isUnknownAttribute = (key: string): boolean =>
  key.startsWith(ATTRIBUTE_PREFIX) && !ATTRIBUTES.has(key);

/** The function that looks up a label or an attribute. What is missing is undefined. */
export function labelReader(key: string): (worker: Labelled) => string | undefined {
  const attribute = ATTRIBUTES.get(key);
  if (attribute) return attribute;
  return ({ operatorLabels, labels }) => {
    // Keys such as `constructor` are in every object.
    if (Object.hasOwn(operatorLabels, key)) return operatorLabels[key];
    return Object.hasOwn(labels, key) ? labels[key] : undefined;
  };
}

/** Whether constraints cannot tell two states of a worker from each other. */
export const isLabelledAlike = (a: Labelled, b: Labelled): boolean =>
  haveSameAttributes(a, b) &&
  areAlike(a.labels, b.labels) &&
  areAlike(a.operatorLabels, b.operatorLabels);

function haveSameAttributes(a: Labelled, b: Labelled): boolean {
  for (const attributeOf of ATTRIBUTES.values())
    if (attributeOf(a) !== attributeOf(b)) return false;
  return true;
}

function areAlike(a: Labels, b: Labels): boolean {
  if (a === b) return true;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}
