import { join } from "node:path";
import { Command } from "commander";
import { formatEtcdPlace } from "../../lib/store/etcd-place.ts";
import { usageError } from "../command-error.ts";
import type { Context } from "../context.ts";
import { failure } from "../crew.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { configOption, loadSettings } from "../settings/load.ts";
import type { Flags, Shape } from "../settings/resolve.ts";
import { optionOf } from "../settings/setting.ts";
import { stateDir } from "../settings/settings.ts";
import { stateFolder } from "../settings/state-folder.ts";
import { etcdPlaceOf, storeShape } from "../settings/store-settings.ts";
import type { CopyDeps } from "../store-copies.ts";
import type { StorePlace } from "../store-places.ts";

/** A verb that copies stores, with a flag for each of its settings. */
export function storeCommand(name: string, shape: Shape): Command {
  const command = new Command(name);
  for (const setting of Object.values(shape)) command.addOption(optionOf(setting));
  return command.addOption(configOption());
}

/** How a verb is told of the one store that it is about. */
export const placeShape = { stateDir, ...storeShape };

export async function placeOf(context: Context, flags: Flags): Promise<StorePlace> {
  const set = await loadSettings(placeShape, flags, context);
  const etcd = await etcdPlaceOf(context, set);
  return etcd
    ? { kind: "etcd", etcd }
    : { kind: "folder", folder: storeFolder(context, set.stateDir) };
}

export const formatPlace = (place: StorePlace): string =>
  place.kind === "folder" ? place.folder : formatEtcdPlace(place.etcd);

/** The folder of a manager's embedded store. */
export const storeFolder = (context: Context, stateDir: string | undefined): string =>
  join(stateFolder(stateDir, context), "manager");

/** The code that copies, which other verbs do without. */
type Copies = typeof import("../store-copies.ts");

/** Carries a copy out, and says what of it failed. */
export async function copying(
  context: Context,
  what: string,
  act: (copies: Copies, deps: CopyDeps) => Promise<void>,
): Promise<ExitCode> {
  const { clock, random, interrupted: signal } = context;
  const copies = await import("../store-copies.ts");
  try {
    await act(copies, { clock, random, signal });
    return exitCodes.ok;
  } catch (error) {
    if (signal.aborted) return exitCodes.interrupted;
    throw failure(what, error);
  }
}

/** Refuses to throw bytes at somebody's screen. */
export function refuseScreen({ terminal }: Context): void {
  if (!terminal.isTty) return;
  throw usageError(
    ["a backup is not for a screen"],
    ["name a file, or add a pipe: - | gzip > FILE"],
  );
}
