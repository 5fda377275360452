import type { Command } from "commander";
import { Role } from "../../gen/berth/v1/worker_pb.ts";
import type { Context } from "../context.ts";
import { type Start, serve } from "../crew.ts";
import type { ExitCode } from "../exit-codes.ts";
import { formatFields } from "../output/table.ts";
import { refuseExposure } from "../settings/exposure.ts";
import { loadSettings } from "../settings/load.ts";
import type { Flags, Values } from "../settings/resolve.ts";
import * as settings from "../settings/settings.ts";
import { stateFolder } from "../settings/state-folder.ts";
import type { Run } from "./client-verb.ts";
import {
  commonShape,
  managerConfigOf,
  managerShape,
  prepare,
  registryConfigOf,
  registryShape,
  servingCommand,
  workerConfigOf,
  workerShape,
} from "./serving-verb.ts";

const shape = {
  managerListen: settings.managerListen,
  registryListen: settings.registryListen,
  workerListen: settings.workerListen,
  ...registryShape,
  ...managerShape,
  ...workerShape,
  ...commonShape,
};

type Settings = Values<typeof shape>;

export const upCommand = (run: Run): Command =>
  servingCommand("up", shape)
    .summary("serve a whole cluster from this machine")
    .description(
      "Serve a manager, a registry and a worker in one process, with an embedded store. Ctrl-C stops them; containers go on, and the next `berth up` takes them over.",
    )
    .action((flags: Flags) => run((context) => up(context, flags)));

async function up(context: Context, flags: Flags): Promise<ExitCode> {
  const set = await loadSettings(shape, flags, context);
  refuseExposure(
    [
      { setting: shape.managerListen, address: set.managerListen },
      { setting: shape.registryListen, address: set.registryListen },
      { setting: shape.workerListen, address: set.workerListen },
    ],
    set.insecure,
  );
  const prepared = await prepare(context, set);
  return serve(context, (start) => assemble({ context, ...prepared }, set, start), prepared.close);
}

type Prepared = Awaited<ReturnType<typeof prepare>> & Readonly<{ context: Context }>;

/** The registry first: both others look for it. */
async function assemble(prepared: Prepared, set: Settings, start: Start): Promise<void> {
  const { context, services, deps } = prepared;
  const roles = [Role.MANAGER, Role.REGISTRY, Role.WORKER];
  const workerConfig = workerConfigOf(context, set, roles);
  const places = { registry: set.registryListen, manager: set.managerListen };
  const registryConfig = registryConfigOf(set, places);
  const registry = await start("registry", () => services.startRegistry(registryConfig, deps));
  const managerConfig = {
    listen: set.managerListen,
    registryAddress: registry.address,
    ...managerConfigOf(context, set),
  };
  const manager = await start("manager", () => services.startManager(managerConfig, deps));
  const worker = await start("worker", () =>
    services.startWorker({ ...workerConfig, registryAddress: registry.address }, deps),
  );
  context.terminal.stdout.write(
    welcome({
      registry: registry.address,
      manager: manager.address,
      worker: worker.address,
      ...(registry.dnsAddress !== undefined && { dns: registry.dnsAddress }),
      state: stateFolder(set.stateDir, context),
    }),
  );
}

type Places = Readonly<Record<"registry" | "manager" | "worker" | "state", string>> &
  Readonly<{ dns?: string }>;

/** Says where everything is, and what to type next. */
function welcome(places: Places): string {
  const { manager } = places;
  const isDefault = manager === settings.addr.fallback;
  const next = [
    ...(isDefault ? [] : [`  export BERTH_ADDR=${manager}`]),
    "  berth run --wait --publish 80 nginx:alpine",
    "  berth ps",
  ];
  const hint = `in another terminal:\n${next.join("\n")}\n`;
  return `${formatFields(Object.entries(places))}\n${hint}\nCtrl-C stops the cluster; containers go on\n`;
}
