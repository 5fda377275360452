import type { Command } from "commander";
import type { Context } from "../context.ts";
import { type Start, serve } from "../crew.ts";
import type { ExitCode } from "../exit-codes.ts";
import { refuseExposure } from "../settings/exposure.ts";
import { loadSettings } from "../settings/load.ts";
import type { Flags } from "../settings/resolve.ts";
import { flagOf } from "../settings/setting.ts";
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
  registryConfigOf,
  registryShape,
  servingCommand,
} from "./serving-verb.ts";

const shape = {
  managerListen: settings.managerListen,
  registryListen: settings.registryListen,
  managerAdvertise: settings.managerAdvertise,
  stateDir: settings.stateDir,
  ...storeShape,
  ...registryShape,
  ...managerShape,
  ...commonShape,
};

export const serverCommand = (run: Run): Command =>
  servingCommand("server", shape)
    .summary("serve a manager and a registry")
    .description(
      "Serve a manager and a registry in one process, which takes less memory than two. Workers join from other machines, or as a process of their own.",
    )
    .action((flags: Flags) => run((context) => server(context, flags)));

async function server(context: Context, flags: Flags): Promise<ExitCode> {
  const set = await loadSettings(shape, flags, context);
  const { managerListen, registryListen, managerAdvertise: advertise } = set;
  refuseExposure(
    [
      { setting: shape.managerListen, address: managerListen },
      { setting: shape.registryListen, address: registryListen },
    ],
    set.insecure,
  );
  const places = { manager: managerListen, registry: registryListen };
  const registryConfig = registryConfigOf(set, places);
  const advertiseFlag = flagOf(shape.managerAdvertise);
  const manager = { listen: managerListen, advertise, advertiseFlag };
  const { begin, stateOf } = await managerStart(context, set, manager);
  const managerConfig = managerConfigOf(context, set);
  const { services, deps, close } = await prepare(context, set);

  /** The registry first: the manager looks for it. */
  async function assemble(start: Start): Promise<void> {
    const registry = await start("registry", () => services.startRegistry(registryConfig, deps));
    const config = { ...managerConfig, registryAddress: registry.address };
    const { address } = await start("manager", () => begin(services, deps, config));
    const dns = registry.dnsAddress === undefined ? "" : `, dns on ${registry.dnsAddress}`;
    const state = stateOf(config);
    printLine(
      context.terminal.stdout,
      `manager on ${address}, registry on ${registry.address}${dns}, state in ${state}`,
    );
  }
  return serve(context, assemble, close);
}
