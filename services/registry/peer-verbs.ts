import type { Endpoint } from "../../gen/berth/v1/endpoint_pb.ts";
import { WorkerState } from "../../gen/berth/v1/worker_pb.ts";
import { alreadyExists } from "../../lib/errors.ts";
import { type Claim, type Lost, takeClaim } from "./claims.ts";
import { type Hall, supersededError } from "./hall.ts";
import type { Roster } from "./roster.ts";
import type { WorkerRecord } from "./sessions.ts";

/** A session with this registry, and what its worker serves: the same list until that changes. */
export type Held = Readonly<{ claim: Claim; endpoints: readonly Endpoint[] }>;

type PeerVerbs = Pick<Roster, "held" | "heldOf" | "subscribeHeld" | "take">;

export function peerVerbs(hall: Hall): PeerVerbs {
  const { sessions, endpoints, heldListeners, log } = hall;

  function heldOf(workerId: string): Held | undefined {
    const record = sessions.records.get(workerId);
    if (!record?.isOwn) return undefined;
    return { claim: claimOf(record, sessions.leaseMs), endpoints: endpoints.of(workerId) };
  }

  function end({ key, to }: Lost): void {
    const { workerId } = key;
    log.info({ ...key, to }, "session is elsewhere");
    hall.cut(key, to === "newer session" ? supersededError(workerId) : duplicateError(workerId));
  }

  return {
    heldOf,
    held: () => [...sessions.records.keys()].sort().flatMap((id) => heldOf(id) ?? []),
    subscribeHeld(listener) {
      heldListeners.add(listener);
      return () => heldListeners.delete(listener);
    },
    take(claim, served) {
      const taken = takeClaim(sessions, claim);
      if (taken.kind === "ignored") return;
      const { workerId, state } = claim.presence;
      if (state === WorkerState.UP) endpoints.replace(workerId, served);
      else endpoints.remove(workerId);
      if (taken.lost) end(taken.lost);
      hall.publish(taken.change);
    },
  };
}

function claimOf(record: WorkerRecord, leaseMs: number): Claim {
  const { presence, instanceId, sessionNumber, lease } = record;
  const session = { presence, instanceId, sessionNumber };
  return lease.kind === "running"
    ? { ...session, connected: lease.connected, heardMs: lease.endMs - leaseMs }
    : { ...session, connected: false, heardMs: 0 };
}

const duplicateError = (workerId: string) =>
  alreadyExists(
    "DUPLICATE_WORKER",
    `worker ${workerId} is held by another instance at another registry: give each its own ID`,
    { metadata: { workerId } },
  );
