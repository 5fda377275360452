import { Code, ConnectError, createRouterTransport } from "@connectrpc/connect";
import { describe, expect, test } from "@jest/globals";
import { ManagerService } from "../gen/berth/v1/manager_service_pb.ts";
import {
  aborted,
  denied,
  exhausted,
  invalidFields,
  notFound,
  unavailable,
  wrongState,
} from "../lib/errors.ts";
import { createClient } from "../lib/rpc/client.ts";
import { exitCodes } from "./exit-codes.ts";
import { createProgram, runProgram } from "./program.ts";
import { createFakeContext } from "./testing/fake-context.ts";

/** A use of each verb that calls a manager. A verb that is not here fails a test. */
const USES: Readonly<Record<string, readonly string[]>> = {
  run: ["nginx"],
  ps: [],
  inspect: ["web"],
  why: ["web"],
  plan: ["nginx"],
  logs: ["web"],
  exec: ["web", "true"],
  attach: ["web"],
  cp: ["web:/etc", "."],
  api: ["GetTask"],
  doctor: ["cluster"],
  events: ["web"],
  diff: ["--from", "1h"],
  stats: ["--no-stream"],
  stop: ["web"],
  rm: ["web"],
  workers: ["worker-1"],
  top: ["--once"],
  drain: ["worker-1"],
  pause: ["worker-1"],
  activate: ["worker-1"],
  label: ["worker-1", "zone=a"],
  overcommit: ["worker-1", "--cpus", "200"],
  rebalance: [],
  cluster: [],
  version: [],
};

const verbs = createProgram(async () => undefined)
  .commands.filter(({ options }) => options.some(({ long }) => long === "--addr"))
  .map((command) => command.name());

/** Runs a verb against a manager that fails every call in one way. */
async function failing(error: ConnectError, args: readonly string[]) {
  const { context, terminal } = createFakeContext();
  const fail = () => {
    throw error;
  };
  const calls = ManagerService.methods.map(({ localName }) => [localName, fail]);
  const transport = createRouterTransport((router) =>
    router.service(ManagerService, Object.fromEntries(calls)),
  );
  const manager = createClient(ManagerService, transport);
  const connect = async () => ({ manager, transport, close: () => undefined });
  const exitCode = await runProgram(args, { ...context, connect });
  return { exitCode, lines: terminal.printed().split("\n") };
}

type Failure = Readonly<{
  error: ConnectError;
  exitCode: number;
  /** What the message has to name. */
  says: string;
  /** What the next step has to name. */
  helps: string;
}>;

const address = "127.0.0.1:7070";
const failures: Readonly<Record<string, Failure>> = {
  "no manager": {
    error: new ConnectError("connect ECONNREFUSED", Code.Unavailable),
    exitCode: exitCodes.unreachable,
    says: `cannot reach the manager at ${address}: connect ECONNREFUSED`,
    helps: "berth up",
  },
  "a deadline": {
    error: new ConnectError("the deadline of 5000 ms passed", Code.DeadlineExceeded),
    exitCode: exitCodes.unreachable,
    says: `the manager at ${address} did not answer in time`,
    helps: "berth health",
  },
  "a manager that does not lead": {
    error: unavailable("NOT_LEADER", "this manager does not lead: try again", {
      metadata: { leader: "10.0.0.2:7070" },
      retryMs: 500,
    }),
    exitCode: exitCodes.unreachable,
    says: "does not lead",
    helps: "--addr 10.0.0.2:7070",
  },
  "a store that is away": {
    error: unavailable("STORE_UNAVAILABLE", "the store is out of reach: try again", {
      retryMs: 1_000,
    }),
    exitCode: exitCodes.unreachable,
    says: "the store is out of reach",
    helps: "try again in 1s",
  },
  "a caller who may not": {
    error: denied("HOST_NETWORK_DENIED", "host network is not allowed"),
    exitCode: exitCodes.denied,
    says: "host network is not allowed",
    helps: "where the service was started",
  },
  "a conflict": {
    error: aborted("PLAN_OUTDATED", "the plan no longer holds"),
    exitCode: exitCodes.error,
    says: "the plan no longer holds",
    helps: "berth plan",
  },
  "a limit": {
    error: exhausted("TOO_MANY_TASKS", "the ledger holds 5 tasks: remove ended ones"),
    exitCode: exitCodes.error,
    says: "the ledger holds 5 tasks",
    helps: "berth ps -a",
  },
  "a wrong state": {
    error: wrongState("TASK_NOT_ENDED", "task web is running: stop it first, or set force"),
    exitCode: exitCodes.error,
    says: "task web is running",
    helps: "berth stop",
  },
  "another version": {
    error: new ConnectError("berth.v1.ManagerService does not have it", Code.Unimplemented),
    exitCode: exitCodes.error,
    says: "does not have it",
    helps: "berth version",
  },
  "a bug": {
    error: new ConnectError("internal error, incident 4711", Code.Internal),
    exitCode: exitCodes.error,
    says: "incident 4711",
    helps: "report it",
  },
};

/** Verbs that do something of their own about a failure. */
const OWN_WAYS: Readonly<Record<string, readonly string[]>> = {
  // Shows at least its own version.
  version: ["no manager", "a deadline", "a manager that does not lead", "a store that is away"],
  // Tells of it as of a finding, with what to do.
  doctor: ["no manager", "a deadline", "a manager that does not lead", "a store that is away"],
};

test("every verb that calls a manager is here", () => {
  expect(Object.keys(USES).sort()).toEqual([...verbs].sort());
});

describe.each(Object.entries(failures))("of %s", (name, { error, exitCode, says, helps }) => {
  const told = verbs.filter((verb) => !OWN_WAYS[verb]?.includes(name));
  test.each(told)("berth %s tells the cause and the next step", async (verb) => {
    const { lines, exitCode: actual } = await failing(error, [verb, ...(USES[verb] ?? [])]);
    expect(lines.filter((line) => line.startsWith("! error:")).join("\n")).toContain(says);
    expect(lines.filter((line) => line.startsWith("!   ")).join("\n")).toContain(helps);
    expect(actual).toBe(exitCode);
  });
});

const TASK_VERBS = ["inspect", "why", "logs", "exec", "attach", "events", "stop", "rm"];

test.each(TASK_VERBS)(
  "berth %s names a task that there is not, and where to look",
  async (verb) => {
    const error = notFound("task", "web");
    const { context, terminal } = createFakeContext();
    const transport = createRouterTransport((router) =>
      router.service(ManagerService, {
        getTask: () => {
          throw error;
        },
        listTasks: () => ({ tasks: [] }),
      }),
    );
    const manager = createClient(ManagerService, transport);
    const connect = async () => ({ manager, transport, close: () => undefined });
    const exitCode = await runProgram([verb, ...(USES[verb] ?? [])], { ...context, connect });
    expect(terminal.printed()).toContain('error: no task has the ID or name "web"');
    expect(terminal.printed()).toContain("berth ps -a");
    expect(exitCode).toBe(exitCodes.error);
  },
);

const WORKER_VERBS = ["workers", "drain", "pause", "activate", "label", "overcommit"];

test.each(WORKER_VERBS)("berth %s names a worker that there is not", async (verb) => {
  const error = notFound("worker", "worker-1");
  const { lines, exitCode } = await failing(error, [verb, ...(USES[verb] ?? [])]);
  expect(lines).toEqual([
    "! error: worker worker-1 does not exist",
    "!   list workers with: berth workers",
  ]);
  expect(exitCode).toBe(exitCodes.error);
});

test.each(verbs)("berth %s names a field that the manager refuses, and its value", async (verb) => {
  const error = invalidFields([{ field: "some.field", description: 'is "x": must be y' }]);
  const { lines, exitCode } = await failing(error, [verb, ...(USES[verb] ?? [])]);
  expect(lines).toContain('! error: some.field: is "x": must be y');
  expect(exitCode).toBe(exitCodes.usage);
});

// What shells ask is for no user, and takes every word.
const all = createProgram(async () => undefined)
  .commands.map((command) => command.name())
  .filter((name) => name !== "__complete");

test.each(all)("berth %s names a flag that there is not, and its help", async (verb) => {
  const { lines, exitCode } = await failing(notFound("task", "t"), [verb, "--frobnicate"]);
  expect(lines[0]).toBe("! error: unknown option '--frobnicate'");
  expect(lines.at(-1)).toContain(`see: berth ${verb} --help`);
  expect(exitCode).toBe(exitCodes.usage);
});
