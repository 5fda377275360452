import type { DescMethod, Message } from "@bufbuild/protobuf";
import type { Complain } from "./ledger-monitor.ts";

/** Hears of every unary call when it arrives; the result is told how it was answered. */
export type Tap = (
  machine: string,
  method: DescMethod,
  request: Message,
) => ((response: Message) => void) | undefined;

type Push = Readonly<{ taskId: string; attempt: number; epoch: bigint }>;

/** Calls by which a manager tells a worker what to do. */
const PUSHES = new Set(["startTasks", "stopTasks", "forgetTasks"]);

/** Workers obey no manager that has been replaced by one they have obeyed already. */
export function createFenceMonitor(
  complain: Complain,
  /** The epoch that a worker would remember if it died now. */
  storedEpoch: (machine: string) => bigint | undefined,
): Tap {
  const obeyed = new Map<string, bigint>();

  return (machine, { localName }, request) => {
    if (!PUSHES.has(localName)) return undefined;
    const { requests } = request as Message & { requests: readonly Push[] };
    const highest = obeyed.get(machine) ?? 0n;
    return (response) => {
      const { results } = response as Message & { results: readonly { error?: unknown }[] };
      const accepted = requests.filter((_, index) => results[index]?.error === undefined);
      for (const { epoch, taskId, attempt } of accepted) {
        if (epoch < highest)
          complain(
            "epochs-fence",
            `${machine} obeyed ${localName} of ${taskId}/${attempt} by epoch ${epoch} after ${highest}`,
          );
        if ((storedEpoch(machine) ?? epoch) < epoch)
          complain("epochs-fence", `${machine} obeyed epoch ${epoch} before it was on its disk`);
        if (epoch > (obeyed.get(machine) ?? 0n)) obeyed.set(machine, epoch);
      }
    };
  };
}
