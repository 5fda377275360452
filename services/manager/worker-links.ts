import { WorkerState } from "../../gen/berth/v1/worker_pb.ts";
import { type LinkDeps, runWorkerLink } from "./worker-link.ts";
import type { KnownWorker, WorkerTable } from "./worker-table.ts";

type Link = Readonly<{ address: string; control: AbortController; ended: Promise<void> }>;

/** Keeps one link to every worker that has an address and has not left, until `signal` aborts. */
export async function runWorkerLinks(
  workers: WorkerTable,
  deps: Omit<LinkDeps, "onLinked">,
  signal: AbortSignal,
): Promise<void> {
  const links = new Map<string, Link>();
  const onLinked = (workerId: string, linked: boolean) => workers.setLinked(workerId, linked);

  function adjust({ workerId, presence }: KnownWorker): void {
    if (signal.aborted) return;
    const wanted = presence.state === WorkerState.LEFT ? "" : (presence.description?.address ?? "");
    const link = links.get(workerId);
    if (link?.address === wanted) return;
    link?.control.abort();
    links.delete(workerId);
    if (wanted !== "") links.set(workerId, open(workerId, wanted, link));
  }

  /** The new link begins once the old one has let go, so that the two never speak at once. */
  function open(workerId: string, address: string, previous: Link | undefined): Link {
    const control = new AbortController();
    const target = { workerId, address };
    const either = AbortSignal.any([signal, control.signal]);
    const run = async () => {
      await previous?.ended;
      await runWorkerLink(target, { ...deps, onLinked }, either);
    };
    return { address, control, ended: run() };
  }

  workers.subscribe(adjust);
  workers.all().forEach(adjust);
  await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  await Promise.all([...links.values()].map((link) => link.ended));
}
