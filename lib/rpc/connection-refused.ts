import { Code, ConnectError } from "@connectrpc/connect";

/**
 * Whether a call failed because its server's machine answered that nobody listens there: the
 * machine lives and the server does not. grpc-js tells it in words only.
 */
export function isRefused(error: unknown): boolean {
  const { code, rawMessage } = ConnectError.from(error);
  return code === Code.Unavailable && rawMessage.includes("ECONNREFUSED");
}

/** What grpc-js says of calls that no connection was made for, or that waited for one in vain. */
const NOT_STARTED = ["No connection established", "Channel closed before call started"];

/** Whether a call certainly never left this machine, so that it may be made again. */
export const isNotSent = (error: unknown): boolean =>
  isRefused(error) ||
  NOT_STARTED.some((words) => ConnectError.from(error).rawMessage.includes(words));
