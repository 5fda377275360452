import { Code, ConnectError } from "@connectrpc/connect";

/**
 * Whether a call failed because its server's machine answered that nobody listens there: the
 * machine lives and the server does not. grpc-js tells it in words only.
 */
export function isRefused(error: unknown): boolean {
  const { code, rawMessage } = ConnectError.from(error);
  return code === Code.Unavailable && rawMessage.includes("ECONNREFUSED");
}
