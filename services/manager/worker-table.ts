import { takeInBeat } from "../../core/heartbeat.ts";
import { toMillis } from "../../core/time.ts";
import { DEFAULT_RECORD, type WorkerRecord } from "../../core/worker-settings.ts";
import type { WorkerHeartbeat } from "../../gen/berth/v1/registry_service_pb.ts";
import { type WorkerPresence, WorkerState } from "../../gen/berth/v1/worker_pb.ts";

const UNLINKED = { linked: false, linkRound: 0 };

/** A worker as the manager knows it. */
export type KnownWorker = Readonly<{
  workerId: string;
  /** The registry's word, as it came last. Heartbeats change it in place. */
  presence: WorkerPresence;
  /** Whether the manager holds a working link to it. */
  linked: boolean;
  /** Grows when the link should be made anew though the address is the same. */
  linkRound: number;
  /** How many registries that started anew did not know it, one after the other. */
  absences: number;
  /** What operators decided about it. */
  record: WorkerRecord;
}>;

/**
 * Every worker the registry told of. Written by the registry watch (presence), by the links
 * (linked) and from the ledger (record); read by the scheduler and the handlers. Nothing of it is
 * stored.
 */
export interface WorkerTable {
  get(workerId: string): KnownWorker | undefined;
  /** In the order of IDs. */
  all(): readonly KnownWorker[];
  /** Those that have said of themselves that they are at this address, the one there now included. */
  at(address: string): readonly KnownWorker[];
  setPresence(presence: WorkerPresence): void;
  /** Of a worker whose presence was set before. */
  setHeartbeat(heartbeat: WorkerHeartbeat): void;
  setLinked(workerId: string, linked: boolean): void;
  /** Asks for another link: nothing comes over this one. */
  renewLink(workerId: string): void;
  /** Also of a worker that the registry has yet to tell of. */
  setRecord(workerId: string, record: WorkerRecord): void;
  /** Takes workers that the registry no longer knows for down. */
  keepOnly(workerIds: ReadonlySet<string>): void;
  /** Why workers that seem lost are not taken for lost yet. Empty when none is spared. */
  brakeReason(): string;
  setBrakeReason(reason: string): void;
  /** Calls `listener` after each change of a worker. */
  subscribe(listener: (worker: KnownWorker) => void): void;
}

export function createWorkerTable(): WorkerTable {
  const workers = new Map<string, KnownWorker>();
  const addresses = createAddresses();
  const records = new Map<string, WorkerRecord>();
  let brakeReason = "";
  const listeners: ((worker: KnownWorker) => void)[] = [];

  function put(worker: KnownWorker): void {
    addresses.move(worker.workerId, workers.get(worker.workerId), worker);
    workers.set(worker.workerId, worker);
    tell(worker);
  }

  function tell(worker: KnownWorker): void {
    for (const listener of listeners) listener(worker);
  }

  return {
    get: (workerId) => workers.get(workerId),
    all: () => [...workers.values()].sort((a, b) => (a.workerId < b.workerId ? -1 : 1)),
    at: (address) => [...addresses.at(address)].flatMap((workerId) => workers.get(workerId) ?? []),
    setPresence(presence) {
      const { workerId } = presence;
      const record = records.get(workerId) ?? DEFAULT_RECORD;
      const { linked, linkRound } = workers.get(workerId) ?? UNLINKED;
      put({ workerId, presence, linked, linkRound, absences: 0, record });
    },
    setHeartbeat({ workerId, metrics, heardTime }) {
      const worker = workers.get(workerId);
      if (!worker) return;
      takeInBeat(worker.presence, { metrics, heardTime });
      tell(worker);
    },
    setLinked(workerId, linked) {
      const worker = workers.get(workerId);
      if (worker && worker.linked !== linked) put({ ...worker, linked });
    },
    renewLink(workerId) {
      const worker = workers.get(workerId);
      if (worker) put({ ...worker, linkRound: worker.linkRound + 1 });
    },
    setRecord(workerId, record) {
      records.set(workerId, record);
      const worker = workers.get(workerId);
      if (worker) put({ ...worker, record });
    },
    keepOnly(workerIds) {
      for (const worker of workers.values()) {
        if (workerIds.has(worker.workerId)) continue;
        const reason = "unknown to the registry";
        const presence = { ...worker.presence, state: WorkerState.DOWN, reason };
        put({ ...worker, presence, absences: worker.absences + 1 });
      }
    },
    brakeReason: () => brakeReason,
    setBrakeReason: (reason) => {
      brakeReason = reason;
    },
    subscribe: (listener) => void listeners.push(listener),
  };
}

/** Who is at which address. */
function createAddresses() {
  const workerIds = new Map<string, Set<string>>();
  return {
    at: (address: string): ReadonlySet<string> => workerIds.get(address) ?? new Set(),
    move(workerId: string, before: KnownWorker | undefined, now: KnownWorker): void {
      const [from, to] = [before && addressOf(before), addressOf(now)];
      if (from === to) return;
      if (from !== undefined) workerIds.get(from)?.delete(workerId);
      if (from !== undefined && workerIds.get(from)?.size === 0) workerIds.delete(from);
      workerIds.set(to, (workerIds.get(to) ?? new Set()).add(workerId));
    },
  };
}

const addressOf = ({ presence }: KnownWorker): string => presence.description?.address ?? "";

/** Whether the registry counts a worker as alive. */
const isUp = ({ presence }: KnownWorker): boolean => presence.state === WorkerState.UP;

/**
 * Whether another worker has since registered with this one's address: what is said there must not
 * be taken for this one's word.
 */
export function isTakenOver(worker: KnownWorker, workers: Pick<WorkerTable, "at">): boolean {
  return workers
    .at(addressOf(worker))
    .some(
      (other) =>
        isUp(other) &&
        other.workerId !== worker.workerId &&
        registeredMs(other) > registeredMs(worker),
    );
}

const registeredMs = ({ presence }: KnownWorker): number =>
  presence.registerTime ? toMillis(presence.registerTime) : 0;
