import type { CheckResult } from "../checks/check-result.ts";
import { httpCheck } from "../checks/http-check.ts";
import { tcpCheck } from "../checks/tcp-check.ts";
import type { Clock } from "../clock.ts";
import { healthCheck } from "./health-check.ts";

/** What can be asked of a port at an IP address. */
export type NetworkQuestion = Readonly<{ host: string; port: number; timeoutMs: number }> &
  (
    | Readonly<{ kind: "http"; path: string; statuses: readonly number[] }>
    | Readonly<{ kind: "tcp" }>
    | Readonly<{ kind: "grpc"; service: string }>
  );

/** Asks, once. Never rejects; settles soon after `signal` aborts. */
export type NetworkCheck = (question: NetworkQuestion, signal: AbortSignal) => Promise<CheckResult>;

export const createNetworkCheck =
  (clock: Clock): NetworkCheck =>
  (question, signal) => {
    switch (question.kind) {
      case "http":
        return httpCheck(question, signal);
      case "tcp":
        return tcpCheck(question, signal);
      case "grpc":
        return healthCheck(question, { clock, signal });
    }
  };
