import type { Command } from "commander";
import { Role } from "../../gen/berth/v1/worker_pb.ts";
import { usageError } from "../command-error.ts";
import type { Context } from "../context.ts";
import { serve } from "../crew.ts";
import type { ExitCode } from "../exit-codes.ts";
import { refuseExposure } from "../settings/exposure.ts";
import { loadSettings } from "../settings/load.ts";
import type { Flags, Values } from "../settings/resolve.ts";
import { withFlag } from "../settings/setting.ts";
import * as settings from "../settings/settings.ts";
import { etcdPlaceOf, storeShape } from "../settings/store-settings.ts";
import { printLine } from "../terminal.ts";
import type { Run } from "./client-verb.ts";
import {
  commonShape,
  prepare,
  servingCommand,
  workerConfigOf,
  workerShape,
} from "./serving-verb.ts";

const managersStore = {
  ...storeShape.store,
  help: "etcd that the managers share, asked when none of them answers, etcd://host:port/prefix",
  fallbackText: "none: without managers, tasks only run on",
};

const shape = {
  workerListen: withFlag(settings.workerListen, "listen"),
  registry: settings.registry,
  runtime: settings.runtime,
  hollowCount: settings.hollowCount,
  ...storeShape,
  store: managersStore,
  ...workerShape,
  ...commonShape,
};

export const workerCommand = (run: Run): Command =>
  servingCommand("worker", shape)
    .summary("serve a worker")
    .description(
      "Serve a worker: it runs tasks as containers on this machine's Docker engine. Containers go on when it stops, and are taken over when it starts again. With --store, the etcd that managers share, it goes on by what that says when no manager answers. With --runtime hollow, serve many workers without an engine, named ID-0001, ID-0002, …",
    )
    .action((flags: Flags) => run((context) => worker(context, flags)));

async function worker(context: Context, flags: Flags): Promise<ExitCode> {
  const set = await loadSettings(shape, flags, context);
  refuseExposure([{ setting: shape.workerListen, address: set.workerListen }], set.insecure);
  if (set.runtime === "hollow") return hollowWorkers(context, set);
  if (set.hollowCount !== undefined)
    throw usageError(
      ["--count is for workers without an engine: one machine is one worker"],
      ["add --runtime hollow, or leave --count out"],
    );
  const config = {
    ...workerConfigOf(context, set, [Role.WORKER]),
    registryAddress: set.registry,
    store: await etcdPlaceOf(context, set),
  };
  const { services, deps, close } = await prepare(context, set);
  return serve(
    context,
    async (start) => {
      const { address } = await start("worker", () => services.startWorker(config, deps));
      printLine(context.terminal.stdout, `worker on ${address}, registry ${set.registry}`);
    },
    close,
  );
}

/** What stands before the numbers of hollow workers that were given no name. */
const HOLLOW_PREFIX = "hollow";

/** Each listens on a port of its own, so no address can be advertised for all of them. */
async function hollowWorkers(context: Context, set: Values<typeof shape>): Promise<ExitCode> {
  if (set.advertise !== undefined)
    throw usageError([
      "--advertise is one address, and hollow workers have one each: leave it out",
    ]);
  const { listen, labels, allowHostNetwork, capacity, roles, version } = workerConfigOf(
    context,
    set,
    [Role.WORKER],
  );
  const { hollowCount: count = 1, registry: registryAddress } = set;
  const idPrefix = set.workerId ?? HOLLOW_PREFIX;
  const offer = { labels, allowHostNetwork, capacity, roles, version };
  const store = await etcdPlaceOf(context, set);
  const config = { listen, registryAddress, count, idPrefix, store, ...offer };
  const { services, deps, close } = await prepare(context, set);
  return serve(
    context,
    async (start) => {
      await start("hollow workers", () => services.startHollowWorkers(config, deps));
      const workers = count === 1 ? "1 hollow worker" : `${count} hollow workers`;
      const line = `${workers} named ${idPrefix}-…, registry ${registryAddress}`;
      printLine(context.terminal.stdout, line);
    },
    close,
  );
}
