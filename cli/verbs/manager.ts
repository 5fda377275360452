import type { Command } from "commander";
import type { Context } from "../context.ts";
import { serve } from "../crew.ts";
import type { ExitCode } from "../exit-codes.ts";
import { refuseExposure } from "../settings/exposure.ts";
import { loadSettings } from "../settings/load.ts";
import type { Flags } from "../settings/resolve.ts";
import { withFlag } from "../settings/setting.ts";
import * as settings from "../settings/settings.ts";
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
  ...managerShape,
  ...commonShape,
};

export const managerCommand = (run: Run): Command =>
  serverCommand("manager", shape)
    .summary("serve a manager")
    .description("Serve a manager: it keeps tasks, places them on workers and watches them.")
    .action((flags: Flags) => run((context) => manager(context, flags)));

async function manager(context: Context, flags: Flags): Promise<ExitCode> {
  const set = await loadSettings(shape, flags, context);
  refuseExposure([{ setting: shape.listen, address: set.listen }], set.insecure);
  const config = {
    listen: set.listen,
    registryAddress: set.registry,
    ...managerConfigOf(context, set),
  };
  const { services, deps } = await prepare(context, set);
  return serve(context, async (start) => {
    const { address } = await start("manager", () => services.startManager(config, deps));
    printLine(context.terminal.stdout, `manager on ${address}, state in ${config.storeFolder}`);
  });
}
