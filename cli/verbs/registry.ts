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
  prepare,
  registryConfigOf,
  registryShape,
  servingCommand,
} from "./serving-verb.ts";

const shape = {
  listen: withFlag(settings.registryListen, "listen"),
  lease: settings.lease,
  ...registryShape,
  ...commonShape,
};

export const registryCommand = (run: Run): Command =>
  servingCommand("registry", shape)
    .summary("serve a registry")
    .description(
      "Serve a registry: it knows which workers are alive and how to reach them. With --dns-listen it says so in DNS too (docs/dns.md), with --peers it is one of several (docs/registries.md).",
    )
    .action((flags: Flags) => run((context) => registry(context, flags)));

async function registry(context: Context, flags: Flags): Promise<ExitCode> {
  const set = await loadSettings(shape, flags, context);
  refuseExposure([{ setting: shape.listen, address: set.listen }], set.insecure);
  const config = registryConfigOf(set, { registry: set.listen });
  const { services, deps, close } = await prepare(context, set);
  return serve(
    context,
    async (start) => {
      const registry = await start("registry", () => services.startRegistry(config, deps));
      const dns = registry.dnsAddress === undefined ? "" : `, dns on ${registry.dnsAddress}`;
      printLine(context.terminal.stdout, `registry on ${registry.address}${dns}`);
    },
    close,
  );
}
