import { FailureReason } from "../../gen/berth/v1/task_pb.ts";
import type { Log } from "../../lib/log.ts";
import { attemptFields } from "./attempt.ts";
import type { AttemptDriver } from "./attempt-driver.ts";

/** Ends the attempts that must not run while their worker is cut off from the cluster. */
export interface CutOff {
  /** The cluster counts on this worker no more. `message` says why, for people. */
  begin(message: string): void;
  /** It does again. */
  end(): void;
  isOn(): boolean;
  /** An attempt is held from now on: found, or asked for. */
  onAdd(driver: AttemptDriver): void;
}

type Deps = Readonly<{ drivers: () => readonly AttemptDriver[]; log: Log }>;

export function createCutOff({ drivers, log }: Deps): CutOff {
  let cause: string | undefined;

  function endIfOrdered(driver: AttemptDriver): void {
    const attempt = driver.current();
    const { orders, stage, wish } = attempt;
    if (cause === undefined || orders.onDisconnect.kind !== "stop") return;
    if (stage.kind === "ended" || wish.kind === "stop") return;
    log.warn({ ...attemptFields(attempt), cause }, "attempt stopped, as ordered for a cut");
    const failure = { reason: FailureReason.DISCONNECTED, message: cause };
    driver.fail(failure, orders.onDisconnect.graceMs);
  }

  return {
    begin(message) {
      cause = message;
      drivers().forEach(endIfOrdered);
    },
    end() {
      cause = undefined;
    },
    isOn: () => cause !== undefined,
    onAdd: endIfOrdered,
  };
}
