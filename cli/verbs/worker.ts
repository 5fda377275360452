import type { Command } from "commander";
import { Role } from "../../gen/berth/v1/worker_pb.ts";
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
import { commonShape, prepare, serverCommand, workerConfigOf, workerShape } from "./server-verb.ts";

const shape = {
  workerListen: withFlag(settings.workerListen, "listen"),
  registry: settings.registry,
  ...workerShape,
  ...commonShape,
};

export const workerCommand = (run: Run): Command =>
  serverCommand("worker", shape)
    .summary("serve a worker")
    .description(
      "Serve a worker: it runs tasks as containers on this machine's Docker engine.\nContainers go on when it stops, and are taken over when it starts again.",
    )
    .action((flags: Flags) => run((context) => worker(context, flags)));

async function worker(context: Context, flags: Flags): Promise<ExitCode> {
  const set = await loadSettings(shape, flags, context);
  refuseExposure([{ setting: shape.workerListen, address: set.workerListen }], set.insecure);
  const config = {
    ...workerConfigOf(context, set, [Role.WORKER]),
    registryAddress: set.registry,
  };
  const { services, deps } = await prepare(context, set);
  return serve(context, async (start) => {
    const { address } = await start("worker", () => services.startWorker(config, deps));
    printLine(context.terminal.stdout, `worker on ${address}, registry ${set.registry}`);
  });
}
