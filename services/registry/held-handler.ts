import type { MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import type { Endpoint } from "../../gen/berth/v1/endpoint_pb.ts";
import type {
  HeldSessionSchema,
  RegistryService,
  WatchSessionsResponseSchema,
} from "../../gen/berth/v1/registry_service_pb.ts";
import { WorkerState } from "../../gen/berth/v1/worker_pb.ts";
import type { Clock } from "../../lib/clock.ts";
import { exhausted } from "../../lib/errors.ts";
import { createMailbox } from "../../lib/mailbox.ts";
import { createGathering } from "./gathering.ts";
import { registryLimits } from "./limits.ts";
import { inParts } from "./parts.ts";
import type { Held } from "./peer-verbs.ts";
import { presenceBytes } from "./presence-bytes.ts";
import type { Roster } from "./roster.ts";
import { runPulse } from "./watch-handler.ts";

type Deps = Readonly<{
  roster: Pick<Roster, "held" | "heldOf" | "subscribeHeld">;
  registryId: string;
  clock: Clock;
}>;

type Answer = MessageInitShape<typeof WatchSessionsResponseSchema>;
type Session = MessageInitShape<typeof HeldSessionSchema>;

/** What stands in the box for a sign of life: no worker's ID is empty. */
const PULSE = "";

/**
 * Tells a peer of the sessions that are here. What waits for it is only whose session changed, so
 * however slow it is, there is one entry a worker, and it hears what is true by then.
 */
export function createHeldHandler({
  roster,
  registryId,
  clock,
}: Deps): ServiceImpl<typeof RegistryService>["watchSessions"] {
  let watchCount = 0;
  return async function* watchSessions(_request, context) {
    if (watchCount >= registryLimits.peers) throw tooManyPeers();
    watchCount += 1;
    const inbox = createMailbox<string>({ clock, limit: INBOX_LIMIT, keyOf: (id) => id });
    const gatherMs = registryLimits.peerGatherMs;
    const gathering = createGathering({ clock, gatherMs, deliver: inbox.post });
    const unsubscribe = roster.subscribeHeld((id, isRoutine) => gathering.post(id, id, isRoutine));
    const stopped = new AbortController();
    void runPulse(clock, () => inbox.post(PULSE), stopped.signal);
    const tell = createTeller(registryId, clock);
    try {
      yield* tell(roster.held());
      for await (const ids of inbox.read(context.signal))
        yield* tell(ids.flatMap((id) => roster.heldOf(id) ?? []));
    } finally {
      watchCount -= 1;
      unsubscribe();
      gathering.end();
      stopped.abort();
    }
  };
}

/** Every worker once, and a pulse. */
const INBOX_LIMIT = registryLimits.workersUp + registryLimits.workersDeparted + 1;

/** Puts sessions into messages, and what a worker serves only when the peer does not know it. */
function createTeller(registryId: string, clock: Clock) {
  const told = new Map<string, readonly Endpoint[]>();

  function sessionOf({ claim, endpoints }: Held): Session {
    const { presence, instanceId, sessionNumber, connected, heardMs } = claim;
    const silence = durationFromMs(Math.max(0, Math.round(clock.monotonic() - heardMs)));
    const isKnown = told.get(presence.workerId) === endpoints;
    if (presence.state === WorkerState.UP) told.set(presence.workerId, endpoints);
    else told.delete(presence.workerId);
    return {
      ...{ presence, instanceId, sessionNumber, connected, silence },
      ...(!isKnown && { endpoints: { endpoints: [...fitting(endpoints)] } }),
    };
  }

  const bytesOf = ({ claim, endpoints }: Held): number =>
    presenceBytes(claim.presence) +
    (told.get(claim.presence.workerId) === endpoints ? 0 : sumOf(endpoints.map(endpointBytes)));

  return function* tell(held: readonly Held[]): Generator<Answer> {
    const parts = inParts(held, bytesOf);
    if (parts.length === 0) yield { registryId };
    for (const part of parts) yield { registryId, sessions: part.map(sessionOf) };
  };
}

/** What numbers and marks of an endpoint take at most. */
const ENDPOINT_BYTES = 64;

const endpointBytes = ({ name, taskId, host, portName }: Endpoint): number =>
  ENDPOINT_BYTES + name.length + taskId.length + host.length + portName.length;

const sumOf = (numbers: readonly number[]): number => numbers.reduce((sum, n) => sum + n, 0);

/** As many endpoints as one message bears: all, but of workers that nobody has seen yet. */
function fitting(endpoints: readonly Endpoint[]): readonly Endpoint[] {
  let room = registryLimits.endpointBytesToPeers;
  const cut = endpoints.findIndex((endpoint) => {
    room -= endpointBytes(endpoint);
    return room < 0;
  });
  return cut === -1 ? endpoints : endpoints.slice(0, cut);
}

const tooManyPeers = () =>
  exhausted("TOO_MANY_PEERS", `${registryLimits.peers} registries watch: run fewer`);
