import { Code, type ConnectError } from "@connectrpc/connect";
import { toMillis } from "../core/time.ts";
import { BadRequestSchema, RetryInfoSchema } from "../gen/google/rpc/error_details_pb.ts";
import { reasonOf } from "../lib/errors.ts";
import { CommandError } from "./command-error.ts";
import { exitCodeOf } from "./exit-codes.ts";
import { formatAge, oneLine } from "./output/format.ts";

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
    remedies: remediesOf(error),
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

/** Whether nobody answered, as opposed to a manager that says what it cannot do just now. */
const isOutOfReach = (error: ConnectError): boolean =>
  error.code === Code.Unavailable && [undefined, "NOT_CONNECTED"].includes(reasonOf(error));

/** The gist of what gRPC says of a connection that it could not make. */
const connectionWords = (words: string): string =>
  /Last error: (?:Error: )?(.+?)\. Resolution note:/.exec(words)?.[1] ?? words;

function remediesOf(error: ConnectError): readonly string[] {
  const [retry] = error.findDetails(RetryInfoSchema);
  const delay = retry?.retryDelay ? toMillis(retry.retryDelay) : undefined;
  if (delay !== undefined) return [`try again in ${formatAge(Math.max(1000, delay))}`];
  if (isOutOfReach(error)) {
    return [
      "is the manager running? start one with: berth up",
      "is it elsewhere? say where with --addr HOST:PORT or BERTH_ADDR",
    ];
  }
  return [];
}
