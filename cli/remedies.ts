import { Code, type ConnectError } from "@connectrpc/connect";
import { toMillis } from "../core/time.ts";
import { ErrorInfoSchema, RetryInfoSchema } from "../gen/google/rpc/error_details_pb.ts";
import { reasonOf } from "../lib/errors.ts";
import { formatAge } from "./output/format.ts";

/** What helps against a reason that a service gives. Others get what helps against their code. */
const OF_REASON: Readonly<Record<string, readonly string[]>> = {
  TASK_NOT_FOUND: ["list tasks, ended ones included, with: berth ps -a"],
  WORKER_NOT_FOUND: ["list workers with: berth workers"],
  TASK_NOT_ENDED: ["stop it first: berth stop TASK; or remove it as it runs: berth rm -f TASK"],
  PLAN_OUTDATED: ["see what holds now, with the new index: berth plan"],
  TOO_MANY_TASKS: ["list those that have ended: berth ps -a --filter state=completed"],
  COMPACTED: ["list what there is, and watch from there: berth ps --watch"],
};

const OF_CODE: Partial<Record<Code, readonly string[]>> = {
  [Code.DeadlineExceeded]: [
    "it may have happened all the same: look with berth ps -a before you repeat it",
    "does the manager serve? ask with: berth health HOST:PORT",
  ],
  [Code.Unauthenticated]: ["who may call is the manager's to say: ask who runs it"],
  [Code.PermissionDenied]: [
    "what is allowed is set where the service was started: ask who runs it",
  ],
  [Code.ResourceExhausted]: ["wait until others are done, or ask for less at a time"],
  [Code.Aborted]: ["somebody else was faster: look at it again, then repeat it"],
  [Code.FailedPrecondition]: ["see how it stands: berth inspect TASK, berth workers"],
  [Code.NotFound]: ["list tasks with berth ps -a, workers with berth workers"],
  [Code.OutOfRange]: ["ask for what is newer"],
  [Code.Unimplemented]: ["the manager is of another version: compare with berth version"],
  [Code.Internal]: ["it is a bug of the manager: its log has more, please report it"],
  [Code.Unknown]: ["it is a bug of the manager: its log has more, please report it"],
  [Code.DataLoss]: ["the manager's log has more"],
  [Code.Unavailable]: ["try again in a moment; does it stay so? ask with: berth health HOST:PORT"],
};

/** What a user can do about a call that failed, a line each. */
export function remediesOf(error: ConnectError, address: string): readonly string[] {
  if (isOutOfReach(error)) {
    return [
      "is the manager running? start one with: berth up",
      "is it elsewhere? say where with --addr HOST:PORT or BERTH_ADDR",
    ];
  }
  const [info] = error.findDetails(ErrorInfoSchema);
  const leader = info?.metadata["leader"];
  const next = leader === undefined ? [] : [`or ask the one that leads: --addr ${leader}`];
  const [retry] = error.findDetails(RetryInfoSchema);
  const delay = retry?.retryDelay ? toMillis(retry.retryDelay) : undefined;
  if (delay !== undefined) return [`try again in ${formatAge(Math.max(1000, delay))}`, ...next];
  const remedies = OF_REASON[info?.reason ?? ""] ?? OF_CODE[error.code] ?? [];
  return [...remedies.map((line) => line.replace("HOST:PORT", address)), ...next];
}

/** Whether nobody answered, as opposed to a manager that says what it cannot do just now. */
export const isOutOfReach = (error: ConnectError): boolean =>
  error.code === Code.Unavailable && [undefined, "NOT_CONNECTED"].includes(reasonOf(error));
