import { isLoopback } from "../../lib/host-port.ts";
import { usageError } from "../command-error.ts";
import { hostOf } from "../parse/address.ts";
import { flagOf, type Setting } from "./setting.ts";

/** An address to listen on, and the setting it came from. */
export type Listener = Readonly<{ setting: Setting<string>; address: string }>;

/**
 * Refuses to serve beyond this machine unless the user said that it may: there
 * is no TLS yet, and who reaches a manager can run anything on its workers.
 */
export function refuseExposure(listeners: readonly Listener[], insecure: boolean): void {
  const open = listeners.filter(({ address }) => !isLoopback(hostOf(address)));
  if (insecure || open.length === 0) return;
  throw usageError(
    open.map(
      ({ setting, address }) =>
        `${flagOf(setting)} ${address} can be reached from other machines, and Berth has no TLS yet`,
    ),
    [
      "listen on 127.0.0.1 and reach it through a tunnel, such as ssh -L",
      "or, where everybody on the network may run containers, add --insecure",
    ],
  );
}

const UNSPECIFIED_HOSTS: ReadonlySet<string> = new Set(["0.0.0.0", "::"]);

/** Whether an address means every one of the machine's, so that nobody else can call it. */
export const isUnspecified = (address: string): boolean => UNSPECIFIED_HOSTS.has(hostOf(address));
