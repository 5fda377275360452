import type { Client } from "@connectrpc/connect";
import { ManagerService } from "../../gen/berth/v1/manager_service_pb.ts";
import { KV, Lease } from "../../gen/etcdserverpb/rpc_pb.ts";
import { systemClock } from "../../lib/clock.ts";
import { silentLog } from "../../lib/log.ts";
import { systemRandom } from "../../lib/random.ts";
import { openChannel } from "../../lib/rpc/channel.ts";
import { createClient } from "../../lib/rpc/client.ts";
import { socketWire } from "../../lib/rpc/wire.ts";
import { type EtcdClient, openEtcdClient } from "../../lib/store/etcd/etcd-client.ts";
import { getOp, putOp, rangeAnswer } from "../../lib/store/etcd/etcd-requests.ts";
import { leaderOf } from "../../lib/store/etcd-election.ts";
import { DEFAULT_PREFIX } from "../../lib/store/etcd-place.ts";
import { startEtcd } from "../etcd/etcd-server.ts";
import { startRelay, type TcpRelay } from "../etcd/tcp-relay.ts";
import { freePort } from "../free-port.ts";
import { eventually } from "./eventually.ts";
import { createUser, type Rig, startRig } from "./rig.ts";
import { createRole, type Role } from "./role.ts";
import { filesFolder } from "./traces.ts";
import { startWitness, type Witness } from "./witness.ts";

/** One of the managers that take turns. */
export type Member = Readonly<{
  role: Role;
  client: Client<typeof ManagerService>;
  /** Its way to etcd. */
  relay: TcpRelay;
}> &
  Pick<ReturnType<typeof createUser>, "submit" | "stopTask">;

/** Two managers on a real etcd, workers with real containers, and hollow ones that testify. */
export interface Turns {
  readonly rig: Rig;
  readonly witness: Witness;
  readonly members: readonly [Member, Member];
  /** Waits until one of them leads that is not `except`. */
  leader(except?: Member): Promise<Member>;
  other(member: Member): Member;
  /** How long etcd keeps a lease of `ttlSeconds` that nobody asks for again, by the real clock. */
  leaseEndsMs(ttlSeconds: number): Promise<number>;
  stop(): Promise<void>;
}

/** Nothing here is about silent workers. */
const LEASE_MS = 10_000;

/** Between two looks at etcd. */
const LOOK_MS = 20;

const WORKERS = [{}, {}];

let count = 0;

/** `envOf`: the environment of a manager's process, by its number. */
export async function startTurns(
  envOf: (number: number) => Record<string, string> = () => ({}),
): Promise<Turns> {
  const closings: (() => unknown)[] = [];
  const stop = async () => {
    for (const close of closings.splice(0).reverse()) await close();
  };
  try {
    return await startWith(closings, stop, envOf);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startWith(
  closings: (() => unknown)[],
  stop: () => Promise<void>,
  envOf: (number: number) => Record<string, string>,
): Promise<Turns> {
  const etcd = await startEtcd({ parent: filesFolder() });
  closings.push(etcd.remove);
  const relays = [await startRelay(etcd.endpoint), await startRelay(etcd.endpoint)] as const;
  for (const relay of relays) closings.push(relay.close);
  const managerFlags = storeFlags(relays[0]);
  const rig = await startRig({ workers: WORKERS, leaseMs: LEASE_MS, managerFlags, isCold: true });
  closings.push(rig.stop);
  const second = await secondManager(rig, relays[1]);
  closings.push(second.stop);
  for (const role of [rig.registry, ...rig.workers]) role.start();
  const witness = await startWitness(rig.registry.address, `witness-${process.pid}-${++count}`);
  closings.push(witness.stop);
  for (const [index, role] of [rig.manager, second].entries()) role.start({ env: envOf(index) });
  const members = [
    memberOf(rig, { role: rig.manager, relay: relays[0] }, closings),
    memberOf(rig, { role: second, relay: relays[1] }, closings),
  ] as const;
  const client = await openEtcdClient({
    ...{ endpoints: [etcd.endpoint], wire: socketWire },
    ...{ clock: systemClock, random: systemRandom, log: silentLog },
  });
  closings.push(() => client.close());
  await rig.workersReady(WORKERS.length + witness.count);
  return { rig, witness, members, stop, ...lookingAt(client, members) };
}

function lookingAt(client: EtcdClient, members: readonly [Member, Member]) {
  const other = (member: Member) => (member === members[0] ? members[1] : members[0]);
  return {
    other,
    leader: (except?: Member) =>
      eventually("a manager leads", async () => {
        const address = await leaderOf(client, DEFAULT_PREFIX);
        return members.find((each) => each !== except && each.role.address === address);
      }),
    leaseEndsMs: (ttlSeconds: number) => leaseEndsMs(client, ttlSeconds),
  };
}

const storeFlags = ({ endpoint }: TcpRelay) => ["--store", `etcd://${endpoint}`];

async function secondManager({ folder, registry }: Rig, relay: TcpRelay): Promise<Role> {
  const address = `127.0.0.1:${await freePort()}`;
  const flags = ["--listen", address, "--registry", registry.address, ...storeFlags(relay)];
  const launch = { flags, prefix: [], env: {} };
  return createRole({ verb: "manager", name: "manager-2", folder, address, launch });
}

function memberOf(
  { history }: Rig,
  parts: Pick<Member, "role" | "relay">,
  closings: (() => unknown)[],
): Member {
  const { address } = parts.role;
  const channel = openChannel({ address, clock: systemClock, log: silentLog });
  closings.push(() => channel.close());
  const client = createClient(ManagerService, channel);
  return { ...parts, client, ...createUser(client, history) };
}

async function leaseEndsMs(client: EtcdClient, ttlSeconds: number): Promise<number> {
  const startMs = systemClock.monotonic();
  const { id } = await client.read(Lease.method.leaseGrant, { ttl: BigInt(ttlSeconds) });
  const key = Buffer.from(`/berth-faults/${id}`);
  await client.read(KV.method.txn, { success: [putOp(key, Buffer.from("held"), id)] });
  const isHeld = async () => {
    const { responses } = await client.read(KV.method.txn, { success: [getOp(key)] });
    return rangeAnswer(responses[0]).kvs.length > 0;
  };
  while (await isHeld()) await systemClock.sleep(LOOK_MS);
  return systemClock.monotonic() - startMs;
}
