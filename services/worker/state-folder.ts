/**
 * Who a worker is. `clusterId` is written by the first manager that links,
 * `epoch` by whichever manager speaks with the highest.
 */
export type WorkerState = Readonly<{
  workerId: string;
  /** Undefined until a cluster has claimed the worker; then for good. */
  clusterId: string | undefined;
  /** The highest epoch that the worker has obeyed. */
  epoch: bigint;
}>;

/** All that a worker keeps over a restart, a file each. */
export type StateFolder = Readonly<{
  /** A `WorkerState`. */
  identity: StateFile;
  /** See `verdicts.ts`. */
  verdicts: StateFile;
}>;

/** A file that holds one text. */
export interface StateFile {
  /** For messages. */
  readonly path: string;
  /** Undefined when there is none yet. */
  read(): Promise<string | undefined>;
  /** Replaces the whole text. Resolves once it would survive a power cut. */
  write(text: string): Promise<void>;
}

/** Raised when this program does not know how to read the file that an older one wrote. */
const FORMAT_VERSION = 1;

/** Undefined when nothing was ever stored. Throws when the file is not as `saveState` left it. */
export async function loadState(file: StateFile): Promise<WorkerState | undefined> {
  const text = await file.read();
  if (text === undefined) return undefined;
  const state = parseState(text);
  if (state.kind === "parsed") return state;
  throw new Error(
    `the worker's state file ${file.path} ${state.explanation}: restore it from a copy, or remove ` +
      "it to have this worker join as a new one, which leaves its containers to be removed by hand",
  );
}

export const saveState = (file: StateFile, { workerId, clusterId, epoch }: WorkerState) =>
  file.write(
    `${JSON.stringify({ version: FORMAT_VERSION, workerId, clusterId, epoch: `${epoch}` })}\n`,
  );

type Parsed =
  | (Readonly<{ kind: "parsed" }> & WorkerState)
  | Readonly<{ kind: "unreadable"; explanation: string }>;

function parseState(text: string): Parsed {
  const record = parseRecord(text);
  if (record.kind === "unreadable") return record;
  const { version, workerId, clusterId, epoch } = record.fields;
  if (version !== FORMAT_VERSION)
    return unreadable(`has version ${version}, and only ${FORMAT_VERSION} is known`);
  if (!isId(workerId)) return unreadable("has no valid workerId");
  if (clusterId !== undefined && !isId(clusterId)) return unreadable("has no valid clusterId");
  if (typeof epoch !== "string" || !/^[0-9]{1,19}$/.test(epoch))
    return unreadable("has no valid epoch");
  return { kind: "parsed", workerId, clusterId, epoch: BigInt(epoch) };
}

function parseRecord(text: string) {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null) return unreadable("is not a JSON object");
    const fields: Readonly<Record<string, unknown>> = { ...value };
    return { kind: "record", fields } as const;
  } catch (error) {
    return unreadable(`is not JSON (${error instanceof Error ? error.message : String(error)})`);
  }
}

const unreadable = (explanation: string) => ({ kind: "unreadable", explanation }) as const;

const isId = (value: unknown): value is string =>
  typeof value === "string" && /^[a-z0-9-]{1,64}$/.test(value);
