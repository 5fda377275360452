import type { DescMethod, Message } from "@bufbuild/protobuf";
import type {
  PushResult,
  PushTasksRequest,
  PushTasksResponse,
} from "../gen/berth/v1/worker_service_pb.ts";
import type { Complain } from "./complain.ts";

/**
 * Hears of every unary call and of every message of a stream of pushes when it arrives; the result
 * is told how it was answered.
 */
export type Tap = (
  machine: string,
  method: DescMethod,
  request: Message,
) => ((response: Message) => void) | undefined;

type Push = Readonly<{ taskId: string; attempt: number; epoch: bigint }>;

/** How pushes reached a worker: `highest` is the epoch that it had obeyed by then. */
type Receipt = Readonly<{ machine: string; highest: bigint }>;

/** What of pushes a worker took. */
const KINDS = ["stops", "starts", "forgets"] as const;

/** Workers obey no manager that has been replaced by one they have obeyed already. */
export function createFenceMonitor(
  complain: Complain,
  /** The epoch that a worker would remember if it died now. */
  storedEpoch: (machine: string) => bigint | undefined,
): Tap {
  /** The highest epoch that each worker has obeyed. */
  const obeyed = new Map<string, bigint>();

  function judge({ epoch, taskId, attempt }: Push, { machine, highest }: Receipt): void {
    if (epoch < highest)
      complain(
        "epochs-fence",
        `${machine} obeyed a push of ${taskId}/${attempt} by epoch ${epoch} after ${highest}`,
      );
    if ((storedEpoch(machine) ?? epoch) < epoch)
      complain("epochs-fence", `${machine} obeyed epoch ${epoch} before it was on its disk`);
    if (epoch > (obeyed.get(machine) ?? 0n)) obeyed.set(machine, epoch);
  }

  return (machine, { localName }, request) => {
    if (localName !== "pushTasks") return undefined;
    const receipt = { machine, highest: obeyed.get(machine) ?? 0n };
    return (response) => {
      const [asked, refused] = [request as PushTasksRequest, response as PushTasksResponse];
      for (const kind of KINDS)
        for (const push of acceptedOf(asked[kind], refused[kind])) judge(push, receipt);
    };
  };
}

const acceptedOf = (pushes: readonly Push[], refused: readonly PushResult[]): readonly Push[] =>
  pushes.filter(
    ({ taskId, attempt }) =>
      !refused.some((result) => result.taskId === taskId && result.attempt === attempt),
  );
