import { join } from "node:path";
import { Command } from "commander";
import type { Role } from "../../gen/berth/v1/worker_pb.ts";
import { usageError } from "../command-error.ts";
import type { Context } from "../context.ts";
import { hostOf } from "../parse/address.ts";
import type {
  ManagerConfig,
  RegistryConfig,
  ServiceDeps,
  Services,
  WorkerConfig,
} from "../services.ts";
import * as capacity from "../settings/capacity-settings.ts";
import { containerDnsOf, containerDnsShape } from "../settings/container-dns-settings.ts";
import { corsOrigins } from "../settings/cors-settings.ts";
import { dnsConfigOf, dnsShape, type Places } from "../settings/dns-settings.ts";
import { isUnspecified } from "../settings/exposure.ts";
import { configOption } from "../settings/load.ts";
import type { Shape, Values } from "../settings/resolve.ts";
import { retentionShape } from "../settings/retention-settings.ts";
import { optionOf } from "../settings/setting.ts";
import * as settings from "../settings/settings.ts";
import { stateFolder } from "../settings/state-folder.ts";
import { tracePlaceOf, traceShape } from "../settings/trace-settings.ts";
import { version } from "../version.ts";
import { storeFolder } from "./store-verb.ts";

/** A verb that serves, with a flag for each of its settings. */
export function servingCommand(name: string, shape: Shape): Command {
  const command = new Command(name);
  for (const setting of Object.values(shape)) command.addOption(optionOf(setting));
  return command.addOption(configOption());
}

type Prepared = Readonly<{
  services: Services;
  deps: ServiceDeps;
  /** To be called when all services have stopped. */
  close: () => Promise<void>;
}>;

/** The code of the services and what all of them are given. */
export async function prepare(
  context: Context,
  set: Omit<Values<typeof commonShape>, "insecure">,
): Promise<Prepared> {
  const place = tracePlaceOf(context, set);
  const services = await context.loadServices();
  const { clock, random } = context;
  const log = services.createLog(set.logLevel);
  services.guardTurns(log);
  services.keepHeapSmall();
  const deps = { clock, random, log };
  if (!place) return { services, deps, close: () => Promise.resolve() };
  const { tracer, close } = await services.openTracing(place, deps);
  return { services, deps: { ...deps, tracer }, close };
}

/** What every server verb can be told. */
export const commonShape = {
  insecure: settings.insecure,
  logLevel: settings.logLevel,
  ...traceShape,
};

/** What a worker can be told, but for where it listens. */
export const workerShape = {
  advertise: settings.advertise,
  workerId: settings.workerId,
  labels: settings.labels,
  allowHostNetwork: settings.allowHostNetwork,
  capacityCpus: capacity.capacityCpus,
  capacityMemory: capacity.capacityMemory,
  capacityDisk: capacity.capacityDisk,
  resources: capacity.resources,
  publishAddress: settings.publishAddress,
  ...containerDnsShape,
  dockerHost: settings.dockerHost,
  stateDir: settings.stateDir,
};

type WorkerSettings = Values<typeof workerShape> & Readonly<{ workerListen: string }>;

/** A worker's configuration, but for the registry it joins. */
export function workerConfigOf(
  context: Context,
  set: WorkerSettings,
  roles: readonly Role[],
): Omit<WorkerConfig, "registryAddress"> {
  const { workerListen, advertise } = set;
  if (advertise === undefined && isUnspecified(workerListen)) {
    throw usageError(
      [`a worker that listens on ${workerListen} must say where others reach it`],
      ["add --advertise HOST:PORT"],
    );
  }
  return {
    listen: workerListen,
    advertise,
    stateFolder: join(stateFolder(set.stateDir, context), "worker"),
    workerId: set.workerId,
    labels: Object.fromEntries(set.labels),
    allowHostNetwork: set.allowHostNetwork,
    capacity: {
      cpuMillis: set.capacityCpus,
      memoryBytes: set.capacityMemory,
      diskBytes: set.capacityDisk,
      custom: set.resources,
    },
    roles,
    version,
    dockerHost: set.dockerHost,
    publishAddress: set.publishAddress ?? hostOf(advertise ?? workerListen),
    containerDns: containerDnsOf(set),
  };
}

/** What a manager can be told, but for where it listens and what it joins. */
export const managerShape = {
  defaultScheduler: settings.defaultScheduler,
  ...retentionShape,
  lease: settings.lease,
  corsOrigins,
};

type ManagerSettings = Values<typeof managerShape> & Readonly<{ stateDir: string | undefined }>;

/** A manager's configuration, but for where it listens and which registry it joins. */
export const managerConfigOf = (
  context: Context,
  set: ManagerSettings,
): Omit<ManagerConfig, "listen" | "registryAddress"> => ({
  defaultScheduler: set.defaultScheduler,
  retention: {
    finishedMs: set.keepFinished,
    eventsMax: set.keepEvents,
    historyMs: set.keepHistory,
    removedMax: set.keepRemoved,
  },
  leaseMs: set.lease,
  ...(set.corsOrigins.length > 0 && { corsOrigins: set.corsOrigins }),
  storeFolder: storeFolder(context, set.stateDir),
  version,
});

/** What a registry can be told, but for where it listens and its lease. */
export const registryShape = {
  peers: settings.peers,
  interval: settings.interval,
  ...dnsShape,
};

type RegistrySettings = Values<typeof registryShape> & Readonly<{ lease: number }>;

/** A registry's configuration. `places` are where the services of this process listen. */
export function registryConfigOf(set: RegistrySettings, places: Places): RegistryConfig {
  checkLease(set);
  return {
    listen: places.registry,
    version,
    leaseMs: set.lease,
    intervalMs: set.interval,
    peers: set.peers,
    dns: dnsConfigOf(set, places),
  };
}

/** Refuses heartbeats so rare that every worker would be taken for dead. */
function checkLease({ lease, interval }: Pick<RegistrySettings, "lease" | "interval">): void {
  if (interval * 2 <= lease) return;
  throw usageError(
    [`--interval is ${interval} ms and --lease ${lease} ms: a lease must last two intervals`],
    [`give --lease ${interval * 2}ms or longer, or a shorter --interval`],
  );
}
