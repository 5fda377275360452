import { Code, type ConnectError } from "@connectrpc/connect";
import { BadRequestSchema } from "../gen/google/rpc/error_details_pb.ts";
import { CommandError } from "./command-error.ts";
import { exitCodeOf } from "./exit-codes.ts";
import { oneLine } from "./output/format.ts";
import { isOutOfReach, remediesOf } from "./remedies.ts";

/** Tells which flag fills a field of a request, such as `--memory` for `spec.limit.memory_bytes`. */
export type FlagOfField = (field: string) => string | undefined;

/** A call's error as a user sees it, with what to do next. */
export function explainCallError(
  error: ConnectError,
  address: string,
  flagOfField: FlagOfField = () => undefined,
): CommandError {
  return new CommandError(messageOf(error, address, flagOfField), {
    exitCode: exitCodeOf(error.code),
    remedies: remediesOf(error, address),
    cause: error,
  });
}

function messageOf(error: ConnectError, address: string, flagOfField: FlagOfField): string {
  const violations = error.findDetails(BadRequestSchema).flatMap((it) => it.fieldViolations);
  if (violations.length > 0) {
    return violations
      .map(({ field, description }) => `${flagOfField(field) ?? field}: ${oneLine(description)}`)
      .join("\n");
  }
  const words = oneLine(error.rawMessage) || `the call failed with ${Code[error.code]}`;
  if (isOutOfReach(error))
    return `cannot reach the manager at ${address}: ${connectionWords(words)}`;
  return error.code === Code.DeadlineExceeded
    ? `the manager at ${address} did not answer in time: ${words}`
    : words;
}

/** The gist of what gRPC says of a connection that it could not make. */
const connectionWords = (words: string): string =>
  /Last error: (?:Error: )?(.+?)\. Resolution note:/.exec(words)?.[1] ?? words;
