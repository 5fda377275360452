import { connect, isIP } from "node:net";
import { type CheckResult, errorText, failed, passed } from "./check-result.ts";

/**
 * Connects, and closes the connection at once. `host` is an IP address. Never rejects; settles
 * soon after `signal` aborts.
 */
export function tcpCheck(
  { host, port }: Readonly<{ host: string; port: number }>,
  signal: AbortSignal,
): Promise<CheckResult> {
  if (isIP(host) === 0) return Promise.resolve(failed(`${JSON.stringify(host)} is no IP address`));
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const finish = (result: CheckResult) => {
      signal.removeEventListener("abort", giveUp);
      socket.destroy();
      resolve(result);
    };
    const giveUp = () => finish(failed("no answer in time"));
    socket.once("connect", () => finish(passed));
    socket.once("error", (error) => finish(failed(errorText(error, signal))));
    signal.addEventListener("abort", giveUp, { once: true });
    if (signal.aborted) giveUp();
  });
}
