import { isIP } from "node:net";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  Health,
  HealthCheckResponse_ServingStatus as Status,
} from "../../gen/health/v1/health_pb.ts";
import { type CheckResult, failed, passed, wordsOf } from "../checks/check-result.ts";
import type { Clock } from "../clock.ts";
import { formatHostPort } from "../host-port.ts";
import { silentLog } from "../log.ts";
import { openChannel } from "./channel.ts";
import { createClient } from "./client.ts";

type Question = Readonly<{ host: string; port: number; service: string; timeoutMs: number }>;

/**
 * Calls `grpc.health.v1.Health.Check` on a connection of its own. `host` is an IP address. Never
 * rejects; settles within `timeoutMs`, and soon after `signal` aborts.
 */
export async function healthCheck(
  { host, port, service, timeoutMs }: Question,
  { clock, signal }: Readonly<{ clock: Clock; signal: AbortSignal }>,
): Promise<CheckResult> {
  if (isIP(host) === 0) return failed(`${JSON.stringify(host)} is no IP address`);
  const address = formatHostPort({ host, port });
  const channel = openChannel({ address, clock, log: silentLog, timeoutMs, connectMs: timeoutMs });
  try {
    const { status } = await createClient(Health, channel).check(
      { service },
      { timeoutMs, signal },
    );
    return status === Status.SERVING ? passed : failed(`it says ${Status[status] ?? status}`);
  } catch (error) {
    return failed(messageOf(ConnectError.from(error)));
  } finally {
    channel.close();
  }
}

function messageOf({ code, rawMessage }: ConnectError): string {
  if (code === Code.Canceled || code === Code.DeadlineExceeded) return "no answer in time";
  return `${Code[code]}: ${wordsOf(rawMessage)}`;
}
