import type { Command } from "commander";
import { formatEtcdPlace } from "../../lib/store/etcd-place.ts";
import { usageError } from "../command-error.ts";
import type { Context } from "../context.ts";
import { serve } from "../crew.ts";
import type { ExitCode } from "../exit-codes.ts";
import { isUnspecified, refuseExposure } from "../settings/exposure.ts";
import { loadSettings } from "../settings/load.ts";
import type { Flags } from "../settings/resolve.ts";
import { withFlag } from "../settings/setting.ts";
import * as settings from "../settings/settings.ts";
import { etcdPlaceOf, storeShape } from "../settings/store-settings.ts";
import { printLine } from "../terminal.ts";
import type { Run } from "./client-verb.ts";
import {
  commonShape,
  managerConfigOf,
  managerShape,
  prepare,
  serverCommand,
} from "./server-verb.ts";

const shape = {
  listen: withFlag(settings.managerListen, "listen"),
  registry: settings.registry,
  stateDir: settings.stateDir,
  advertise: withFlag(settings.managerAdvertise, "advertise"),
  ...storeShape,
  ...managerShape,
  ...commonShape,
};

export const managerCommand = (run: Run): Command =>
  serverCommand("manager", shape)
    .summary("serve a manager")
    .description(
      "Serve a manager: it keeps tasks, places them on workers and watches them. Several managers with one store in etcd take turns: one leads, the others answer reads and pass the rest on.",
    )
    .action((flags: Flags) => run((context) => manager(context, flags)));

async function manager(context: Context, flags: Flags): Promise<ExitCode> {
  const set = await loadSettings(shape, flags, context);
  refuseExposure([{ setting: shape.listen, address: set.listen }], set.insecure);
  const { services, deps, close } = await prepare(context, set);
  const place = await etcdPlaceOf(context, set);
  const { storeFolder, ...config } = {
    listen: set.listen,
    registryAddress: set.registry,
    ...managerConfigOf(context, set),
  };
  const { advertise } = set;
  if (place && advertise === undefined && isUnspecified(set.listen))
    throw usageError(
      [`a manager that listens on ${set.listen} must say where other managers reach it`],
      ["add --advertise HOST:PORT"],
    );
  const begin = () =>
    place
      ? services.startSharedManager({ ...config, advertise, place }, deps)
      : services.startManager({ ...config, storeFolder }, deps);
  return serve(
    context,
    async (start) => {
      const { address } = await start("manager", begin);
      const state = place ? formatEtcdPlace(place) : storeFolder;
      printLine(context.terminal.stdout, `manager on ${address}, state in ${state}`);
    },
    close,
  );
}
