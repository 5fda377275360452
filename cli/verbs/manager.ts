import type { Command } from "commander";
import type { Context } from "../context.ts";
import { serve } from "../crew.ts";
import type { ExitCode } from "../exit-codes.ts";
import { refuseExposure } from "../settings/exposure.ts";
import { loadSettings } from "../settings/load.ts";
import type { Flags } from "../settings/resolve.ts";
import { flagOf, withFlag } from "../settings/setting.ts";
import * as settings from "../settings/settings.ts";
import { storeShape } from "../settings/store-settings.ts";
import { printLine } from "../terminal.ts";
import type { Run } from "./client-verb.ts";
import { managerStart } from "./manager-start.ts";
import {
  commonShape,
  managerConfigOf,
  managerShape,
  prepare,
  servingCommand,
} from "./serving-verb.ts";

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
  servingCommand("manager", shape)
    .summary("serve a manager")
    .description(
      "Serve a manager: it keeps tasks, places them on workers and watches them. Several managers with one store in etcd take turns: one leads, the others answer reads and pass the rest on.",
    )
    .action((flags: Flags) => run((context) => manager(context, flags)));

async function manager(context: Context, flags: Flags): Promise<ExitCode> {
  const set = await loadSettings(shape, flags, context);
  refuseExposure([{ setting: shape.listen, address: set.listen }], set.insecure);
  const { services, deps, close } = await prepare(context, set);
  const advertiseFlag = flagOf(shape.advertise);
  const { begin, stateOf } = await managerStart(context, set, { ...set, advertiseFlag });
  const config = { registryAddress: set.registry, ...managerConfigOf(context, set) };
  return serve(
    context,
    async (start) => {
      const { address } = await start("manager", () => begin(services, deps, config));
      printLine(context.terminal.stdout, `manager on ${address}, state in ${stateOf(config)}`);
    },
    close,
  );
}
