import type { DescMethod, Message } from "@bufbuild/protobuf";
import type { Complain } from "./complain.ts";

/** Hears of every unary call when it arrives; the result is told how it was answered. */
export type Tap = (
  machine: string,
  method: DescMethod,
  request: Message,
) => ((response: Message) => void) | undefined;

type Push = Readonly<{ taskId: string; attempt: number; epoch: bigint }>;

/** How pushes reached a worker: `highest` is the epoch that it had obeyed by then. */
type Receipt = Readonly<{ machine: string; verb: string; highest: bigint }>;

/** Calls by which a manager tells a worker what to do. */
const PUSHES = new Set(["startTasks", "stopTasks", "forgetTasks"]);

/** Workers obey no manager that has been replaced by one they have obeyed already. */
export function createFenceMonitor(
  complain: Complain,
  /** The epoch that a worker would remember if it died now. */
  storedEpoch: (machine: string) => bigint | undefined,
): Tap {
  /** The highest epoch that each worker has obeyed. */
  const obeyed = new Map<string, bigint>();

  function judge({ epoch, taskId, attempt }: Push, { machine, verb, highest }: Receipt): void {
    if (epoch < highest)
      complain(
        "epochs-fence",
        `${machine} obeyed ${verb} of ${taskId}/${attempt} by epoch ${epoch} after ${highest}`,
      );
    if ((storedEpoch(machine) ?? epoch) < epoch)
      complain("epochs-fence", `${machine} obeyed epoch ${epoch} before it was on its disk`);
    if (epoch > (obeyed.get(machine) ?? 0n)) obeyed.set(machine, epoch);
  }

  return (machine, { localName: verb }, request) => {
    if (!PUSHES.has(verb)) return undefined;
    const { requests } = request as Message & { requests: readonly Push[] };
    const receipt = { machine, verb, highest: obeyed.get(machine) ?? 0n };
    return (response) => {
      for (const push of acceptedOf(requests, response)) judge(push, receipt);
    };
  };
}

function acceptedOf(requests: readonly Push[], response: Message): readonly Push[] {
  const { results } = response as Message & { results: readonly { error?: unknown }[] };
  return requests.filter((_, index) => results[index]?.error === undefined);
}
