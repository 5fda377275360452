import type { CheckResult, ProbeKind } from "../../core/probe.ts";
import type { PortQuestion, Question } from "../../core/probe-plan.ts";
import type { AttemptKey } from "./runtime.ts";

/** One question to one container. */
export type ProbeQuestion = Readonly<{
  key: AttemptKey;
  kind: ProbeKind;
  question: Question;
  containerId: string;
  /** The container's own address, as the engine gave it. Empty when it has none. */
  address: string;
  timeoutMs: number;
}>;

/** Puts questions to containers. */
export interface ProbeCalls {
  /** Settles soon after `signal` aborts, which it does when the time is up. */
  ask(question: ProbeQuestion, signal: AbortSignal): Promise<CheckResult>;
}

/** What is needed to ask for real. */
type Ways = Readonly<{
  /** Asks a port at an IP address. */
  network: (
    question: PortQuestion & Readonly<{ host: string; timeoutMs: number }>,
    signal: AbortSignal,
  ) => Promise<CheckResult>;
  /** Runs a command in a container. */
  exec: (
    containerId: string,
    command: readonly string[],
    signal: AbortSignal,
  ) => Promise<CheckResult>;
}>;

/** Asks a container at its own address and nowhere else, or in it. */
export function createProbeCalls({ network, exec }: Ways): ProbeCalls {
  return {
    async ask({ question, containerId, address, timeoutMs }, signal) {
      if (question.kind === "exec") return exec(containerId, question.command, signal);
      if (address === "") return { kind: "failed", message: "the container has no address" };
      return network({ ...question, host: address, timeoutMs }, signal);
    },
  };
}
