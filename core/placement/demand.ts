import type { TaskAffinity } from "../../gen/berth/v1/affinity_pb.ts";
import {
  NetworkMode,
  PortProtocol,
  type PortSpec,
  type TaskSpec,
} from "../../gen/berth/v1/task_pb.ts";
import { assert } from "../../lib/assert.ts";
import { type CustomNeed, customNeedsOf } from "../custom-resources.ts";
import { formatPlatform, type Platform, parsePlatform } from "../platform.ts";
import { type Amount, amountOf } from "./candidate.ts";
import { type Condition, conditionOf } from "./constraint.ts";
import { createKind, type TaskKind } from "./task-kind.ts";

/** What a task asks of a worker. */
export type Demand = Readonly<{
  /** The same for demands that ask for the same but for the amount, and only for those. */
  siteKey: string;
  amount: Amount;
  /** Fixed ports of the worker, such as `tcp/8080`. */
  hostPorts: readonly string[];
  /** Absent means any. */
  platform?: Platform | undefined;
  capabilities: readonly string[];
  /** In the order of names. Absent where it asks for none. */
  custom?: readonly CustomNeed[] | undefined;
  /** What others that count tasks see. Does not belong to what is asked for. */
  kind: TaskKind;
}> &
  DemandWishes;

/** What a task asks of labels and of other tasks. */
type DemandWishes = Readonly<{
  /** All must hold of the worker. */
  conditions: readonly Condition[];
  affinities: readonly WeightedCondition[];
  spreads: readonly SpreadOver[];
  near: readonly Nearness[];
  /** How many of the same name a worker may have, this one included. */
  maxPerWorker?: number | undefined;
}>;

export type WeightedCondition = Readonly<{ condition: Condition; weight: number }>;

export type SpreadOver = Readonly<{ key: string; maxSkew: number | undefined }>;

export type Nearness = Readonly<{
  /** Empty means the worker itself. */
  key: string;
  anti: boolean;
  /** For people: the labels that are meant, `app=web`. */
  text: string;
  isMeant: (kind: TaskKind) => boolean;
}>;

/** What a worker must be able to do to run tasks on its own network. */
const NETWORK_HOST = "network-host";

/** Specs never change, and many tasks share one: what each asks is found out once. */
const demands = new WeakMap<TaskSpec, Demand>();

/** The demand of a valid spec with its defaults filled in. */
export function demandOf(spec: TaskSpec): Demand {
  const known = demands.get(spec);
  if (known) return known;
  const demand = readDemand(spec);
  demands.set(spec, demand);
  return demand;
}

function readDemand(spec: TaskSpec): Demand {
  const { reservation, ports, networkMode, platform } = spec;
  const isHost = networkMode === NetworkMode.HOST;
  const { conditions, affinities, spreads, near, maxPerWorker } = wishesOf(spec);
  return createDemand({
    amount: amountOf(reservation),
    hostPorts: ports.length === 0 ? NONE : ports.flatMap((port) => fixedPort(port, isHost)),
    capabilities: isHost ? [NETWORK_HOST] : NONE,
    platform: platform === "" ? undefined : platformOf(platform),
    custom: customNeedsOf(reservation),
    kind: createKind(spec.name, spec.labels),
    conditions,
    affinities,
    spreads,
    near,
    maxPerWorker,
  });
}

const NO_WISHES: DemandWishes = { conditions: [], affinities: [], spreads: [], near: [] };

/** What a spec asks of labels and of other tasks. Most ask nothing. */
export function wishesOf(spec: TaskSpec): DemandWishes {
  const { constraints, affinities, spreads, taskAffinities, maxPerWorker } = spec;
  const asked = constraints.length + affinities.length + spreads.length + taskAffinities.length;
  if (asked === 0 && maxPerWorker === undefined) return NO_WISHES;
  return {
    conditions: constraints.map(conditionOf),
    affinities: affinities.flatMap(({ constraint, weight }) =>
      constraint ? [{ condition: conditionOf(constraint), weight }] : [],
    ),
    spreads: spreads.map(({ key, maxSkew }) => ({ key, maxSkew })),
    near: taskAffinities.map(nearnessOf),
    maxPerWorker,
  };
}

function nearnessOf({ matchLabels, key, anti }: TaskAffinity): Nearness {
  const wanted = Object.entries(matchLabels).sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    key,
    anti,
    text: wanted.map(([label, value]) => `${label}=${value}`).join(","),
    isMeant: ({ labels }) =>
      wanted.every(([label, value]) => Object.hasOwn(labels, label) && labels[label] === value),
  };
}

/** The same for demands that ask for the same, and only for those. */
export const keyOf = ({ amount, siteKey }: Demand): string =>
  `${amount.cpuMillis} ${amount.memoryBytes} ${amount.diskBytes} ${siteKey}`;

type Parts = Pick<Demand, "amount"> & Partial<Omit<Demand, "siteKey">>;

const NOBODY = createKind("", {});

const NONE: readonly never[] = [];

/** The only maker of demands: it sees to the key. */
export function createDemand(parts: Parts): Demand {
  const { amount, platform, custom, kind = NOBODY } = parts;
  const { conditions = NONE, affinities = NONE, spreads = NONE, near = NONE, maxPerWorker } = parts;
  const hostPorts = sorted(parts.hostPorts ?? NONE);
  const capabilities = sorted(parts.capabilities ?? NONE);
  // Without a spread, which would cost more than all the rest: this is made for every task.
  return {
    siteKey: needKey({ hostPorts, capabilities, platform, custom }) + wishKey(parts, kind),
    amount,
    hostPorts,
    platform,
    capabilities,
    custom,
    kind,
    conditions,
    affinities,
    spreads,
    near,
    maxPerWorker,
  };
}

type Needs = Pick<Demand, "hostPorts" | "capabilities" | "platform" | "custom">;

/** Most need nothing beside their amounts. */
function needKey({ hostPorts, capabilities, platform, custom }: Needs): string {
  if (hostPorts.length + capabilities.length === 0 && !platform && !custom) return "";
  const wanted = platform ? formatPlatform(platform) : "";
  const counts = custom ? custom.map(({ name, count }) => `${name}=${count}`) : "";
  return `${hostPorts} ${capabilities} ${wanted} ${counts}`;
}

const sorted = (texts: readonly string[]) => (texts.length < 2 ? texts : texts.toSorted());

/** Most ask nothing of labels and of other tasks. */
function wishKey(wishes: Partial<DemandWishes>, kind: TaskKind): string {
  const { conditions = NONE, affinities = NONE, spreads = NONE, near = NONE } = wishes;
  const { maxPerWorker } = wishes;
  const asked = conditions.length + affinities.length + spreads.length + near.length;
  if (asked === 0 && maxPerWorker === undefined) return "";
  const isNamed = spreads.length > 0 || maxPerWorker !== undefined;
  return JSON.stringify([
    conditions.map(({ text }) => text),
    affinities.map(({ condition, weight }) => [condition.text, weight]),
    spreads.map(({ key, maxSkew }) => [key, maxSkew]),
    near.map(({ key, anti, text }) => [key, anti, text]),
    maxPerWorker,
    isNamed && kind.name,
    // The first of tasks that want to be together is told by its own labels.
    near.length > 0 && kind.key,
  ]);
}

/** The port of the worker that this port takes for sure, if it does. */
function fixedPort({ containerPort, hostPort, protocol }: PortSpec, isHost: boolean): string[] {
  const port = hostPort ?? (isHost ? containerPort : undefined);
  return port === undefined ? [] : [portKey(protocol, port)];
}

/** A port of a worker, such as `tcp/8080`, as `usedPorts` and `hostPorts` hold it. */
const portKey = (protocol: PortProtocol, port: number): string =>
  `${protocol === PortProtocol.UDP ? "udp" : "tcp"}/${port}`;

function platformOf(text: string): Platform {
  const parsed = parsePlatform(text);
  assert(parsed.kind === "parsed", `the platform of a valid spec can be read: ${text}`);
  return parsed.platform;
}
