import { WorkerState } from "../../gen/berth/v1/worker_pb.ts";
import { createGate } from "../../lib/gate.ts";
import { whenAborted } from "../../lib/stop.ts";
import { createDeliveries } from "./deliveries.ts";
import { createPushSlots } from "./push-slots.ts";
import { type LinkDeps, runWorkerLink } from "./worker-link.ts";
import { isTakenOver, type KnownWorker, type WorkerTable } from "./worker-table.ts";

type Link = Readonly<{
  address: string;
  round: number;
  control: AbortController;
}>;

/**
 * A manager that comes back links to every worker at once: in between there must be turns of the
 * event loop for heartbeats, deadlines and users.
 */
const LINKS_MADE = { atOnce: 64, turnMsMax: 250 };

/** Keeps one link to every worker that has an address and has not left, until `signal` aborts. */
export async function runWorkerLinks(
  workers: WorkerTable,
  deps: Omit<LinkDeps, "onLinked" | "deliveries" | "slots" | "gate">,
  signal: AbortSignal,
): Promise<void> {
  const links = new Map<string, Link>();
  /** Which worker is linked to at an address. */
  const linkedAt = new Map<string, string>();
  /** When all links to a worker, those given up included, will have let go. */
  const endings = new Map<string, Promise<void>>();
  const onLinked = (workerId: string, linked: boolean) => workers.setLinked(workerId, linked);
  const shared: LinkDeps = {
    ...deps,
    onLinked,
    deliveries: createDeliveries(deps.ledger),
    slots: createPushSlots(),
    gate: createGate(deps.clock, LINKS_MADE),
  };

  function adjust(worker: KnownWorker): void {
    const link = links.get(worker.workerId);
    const wanted = wantedAddress(worker);
    if (signal.aborted || isAsWanted(link, { address: wanted, round: worker.linkRound })) return;
    drop(worker.workerId);
    if (wanted === "" || isTakenOver(worker, workers)) return;
    // Whoever had the address before is not there any more.
    drop(linkedAt.get(wanted) ?? "");
    links.set(worker.workerId, open(worker, wanted));
    linkedAt.set(wanted, worker.workerId);
  }

  function drop(workerId: string): void {
    const link = links.get(workerId);
    if (!link) return;
    link.control.abort();
    links.delete(workerId);
    linkedAt.delete(link.address);
  }

  /** The new link begins once the old one has let go, so that the two never speak at once. */
  function open(worker: KnownWorker, address: string): Link {
    const { workerId, linkRound: round } = worker;
    const control = new AbortController();
    const target = { workerId, address };
    const previous = endings.get(workerId);
    const run = async () => {
      await previous;
      await runWorkerLink(target, shared, control.signal);
    };
    endings.set(workerId, run());
    return { address, round, control };
  }

  workers.subscribe(adjust);
  workers.all().forEach(adjust);
  await whenAborted(signal);
  for (const { control } of links.values()) control.abort();
  await Promise.all(endings.values());
}

const isAsWanted = (link: Link | undefined, wanted: Pick<Link, "address" | "round">): boolean =>
  link ? link.address === wanted.address && link.round === wanted.round : wanted.address === "";

const wantedAddress = ({ presence }: KnownWorker): string =>
  presence.state === WorkerState.LEFT ? "" : (presence.description?.address ?? "");
