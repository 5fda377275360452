import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { assignmentsPrefix, metaKeys } from "../../core/assignment-place.ts";
import { AssignmentSchema } from "../../gen/berth/v1/assignment_pb.ts";
import type { OnDisconnect, RestartMode } from "../../gen/berth/v1/task_pb.ts";
import { silentLog } from "../../lib/log.ts";
import { createSeededRandom } from "../../lib/random.ts";
import { StoreError } from "../../lib/store/store.ts";
import type { Glance, StoreView } from "../../lib/store/store-view.ts";
import { runAssignments } from "./assignments.ts";
import { openIdentity } from "./identity.ts";
import { createManagerTouch } from "./manager-touch.ts";
import type { AttemptKey } from "./runtime.ts";
import { createMemoryFolder } from "./state-folder-memory.ts";
import { key, machine, owner } from "./supervisor-test-machine.ts";

/** What managers left in their store, as a test says. */
function createManagersStore() {
  const store = {
    meta: new Map<string, string>([
      [metaKeys.clusterId, owner.clusterId],
      [metaKeys.epoch, "3"],
      [metaKeys.assignments, "3"],
    ]),
    orders: new Map<string, Uint8Array>(),
    isLed: false,
    moment: 10n,
    isDown: false,
    /** What every look waits for. */
    hold: Promise.resolve() as Promise<unknown>,
    looks: 0,
    open: 0,
  };
  const bytes = (text: string) => new TextEncoder().encode(text);
  const entry = (name: string, value: Uint8Array) => ({ key: name, value, revision: 1n });

  async function look(keys: readonly string[], prefix: string): Promise<Glance> {
    store.looks += 1;
    const { meta, orders, isLed, moment, isDown } = store;
    const found = keys.flatMap((name) => meta.get(name) ?? []);
    const entries = new Map(keys.map((name, i) => [name, entry(name, bytes(found[i] ?? ""))]));
    const own = [...orders].filter(([name]) => name.startsWith(prefix));
    const listed = own.map(([name, value]) => entry(name, value));
    await store.hold;
    if (isDown) throw new StoreError("etcd is out of reach", { kind: "unavailable" });
    return { moment, isLed, entries, listed };
  }

  const openView = async (): Promise<StoreView> => {
    store.open += 1;
    return {
      look,
      close: async () => {
        store.open -= 1;
      },
    };
  };
  return { store, openView };
}

type Init = MessageInitShape<typeof AssignmentSchema>;

const keyOf = ({ taskId, attempt }: AttemptKey) =>
  `${assignmentsPrefix(owner.workerId)}${taskId}/${attempt}`;

/** What is not as usual about a task, and which attempt it is. */
type Special = Readonly<{ name?: AttemptKey; image?: string; onDisconnect?: OnDisconnect }>;

/** A worker of a cluster, whose managers are down. */
export async function assignedWorker() {
  const { store, openView } = createManagersStore();
  const bench = machine();
  const { clock, engine, feed } = bench;
  const random = createSeededRandom(1);
  const folder = createMemoryFolder(owner.workerId);
  const identity = await openIdentity(folder.identity, { ...owner, hostname: "box", random });
  await identity.admit({ clusterId: owner.clusterId, epoch: 3n });

  async function boot() {
    const supervisor = await bench.boot();
    const touch = createManagerTouch(clock);
    const life = new AbortController();
    const deps = { supervisor, identity, touch, feed, openView, clock, random, log: silentLog };
    const offers = undefined;
    const running = runAssignments({ ...deps, allowHostNetwork: false, offers }, life.signal);
    const end = async () => {
      life.abort();
      await running;
      supervisor.crash();
    };
    return { supervisor, touch, end };
  }

  return {
    store,
    engine,
    clock,
    identity,
    boot,
    write: (name: AttemptKey, init: Init) =>
      void store.orders.set(
        keyOf(name),
        toBinary(AssignmentSchema, create(AssignmentSchema, init)),
      ),
    start(mode: RestartMode, { name = key, ...init }: Special = {}) {
      const spec = { name: "web", image: "web:1", restartPolicy: { mode }, ...init };
      this.write(name, { order: { case: "start", value: { ...name, spec } } });
    },
    stop(name = key) {
      this.write(name, { order: { case: "stop", value: { ...name } } });
    },
  };
}
