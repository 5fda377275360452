import type { Bug } from "./bug.ts";

/** Bugs of what workers and registries do. */
export const workerBugs: readonly Bug[] = [
  {
    name: "no epoch check",
    promise: "a manager that was replaced is not obeyed",
    file: "services/worker/identity.js",
    find: "if (epoch < known.epoch)",
    replace: "if (false)",
  },
  {
    name: "epochs not kept on disk",
    promise: "a manager that was replaced is not obeyed, also after a restart",
    file: "services/worker/identity.js",
    find: "        await saveState(file, state);\n",
    replace: "        await saveState(file, { ...state, epoch: 1n });\n",
  },
  {
    name: "ends are not reported",
    promise: "how an attempt ended is told at once",
    file: "services/worker/supervisor.js",
    find: "        deps.onReport(attempt);\n",
    replace: '        if (attempt.stage.kind !== "ended") deps.onReport(attempt);\n',
  },
  {
    name: "containers go before they are told of",
    promise: "an exit code is told though the worker restarts",
    file: "services/worker/advance.js",
    find: '    return { kind: "ended", outcome, container, remains: "kept" };',
    replace: '    return { kind: "ended", outcome, container, remains: "unwanted" };',
  },
  {
    name: "ended containers are started again",
    promise: "no attempt is started twice",
    file: "services/worker/advance.js",
    find: '        case "exited":\n            return afterExit(container, outcomeAs(verdict, state.exit));',
    replace: '        case "exited":\n            return { kind: "starting", container };',
  },
  {
    name: "a start is repeated blindly",
    promise: "no attempt is started twice",
    file: "services/worker/advance.js",
    find: "const isRepeated = trouble !== undefined || isInherited;",
    replace: "const isRepeated = false;",
  },
  {
    name: "a silent engine means gone",
    promise: "nothing is concluded from an engine's silence",
    file: "services/worker/advance.js",
    find: "    const facts = await engine.inspect(stage.container.id);\n    if (!facts)",
    replace:
      "    const facts = await engine.inspect(stage.container.id).catch(() => undefined);\n    if (!facts)",
  },
  {
    name: "want of memory is not told",
    promise: "the reason of a failure is the true one",
    file: "services/worker/attempt-outcome.js",
    find: "exit.oomKilled ? FailureReason.OOM_KILLED : FailureReason.EXITED",
    replace: "FailureReason.EXITED",
  },
  {
    name: "exit codes are lost",
    promise: "the exit code is the engine's",
    file: "services/worker/attempt-outcome.js",
    find: "const exitFacts = ({ exitCode, startTimeMs, finishTimeMs }) => ({\n    exitCode,",
    replace:
      "const exitFacts = ({ exitCode, startTimeMs, finishTimeMs }) => ({\n    exitCode: exitCode === 0 ? 0 : 1,",
  },
  {
    name: "strangers are adopted",
    promise: "containers of others are not touched",
    file: "services/worker/fake-runtime.js",
    find: ".filter((container) => isOwner(container.owner, owner))",
    replace: "",
  },
  {
    name: "hints are all there is",
    promise: "events of an engine are only hints",
    file: "services/worker/supervisor-follow.js",
    find: "export const RESYNC_MS = 60_000;",
    replace: "export const RESYNC_MS = 36_000_000;",
  },
  {
    name: "cuts are ignored",
    promise: "a task that must not run twice does not",
    file: "services/worker/supervisor-cut-off.js",
    find: "        driver.fail(failure, orders.onDisconnect.graceMs);\n",
    replace: "",
  },
  {
    name: "unhealthy containers live on",
    promise: "a container that fails its probe is ended",
    file: "services/worker/prober-ward.js",
    find: "    if (health === Health.UNHEALTHY)\n",
    replace: "    if (false)\n",
  },
  {
    name: "pulls have no deadline",
    promise: "every state has its deadline",
    file: "services/worker/attempt-deadline.js",
    find: "const limitMs = millisOr(spec?.pullTimeout, PULL_MS_DEFAULT);",
    replace: "const limitMs = millisOr(spec?.pullTimeout, PULL_MS_DEFAULT) + 3_600_000;",
  },
  {
    name: "a stop does not reach a pull",
    promise: "a stop interrupts whatever is under way",
    file: "services/worker/supervisor.js",
    find: "stop: (key, graceMs) => table.find(key)?.stop(graceMs),",
    replace:
      'stop: (key, graceMs) => { const d = table.find(key); if (d && d.current().stage.kind !== "pulling") d.stop(graceMs); },',
  },
  {
    name: "leases never end",
    promise: "a silent worker is noticed",
    file: "services/registry/sessions.js",
    find: "filter((record) => leaseEndOf(record) <= moment.monotonicMs)",
    replace: "filter(() => false)",
  },
  {
    name: "a worker's sessions share a connection",
    promise: "what is due happens soon wherever nothing is wrong",
    file: "services/worker/session.js",
    find: "const client = createClient(RegistryService, channel);",
    replace:
      "connection.channel ??= channel; const client = createClient(RegistryService, connection.channel); channel = { close: () => undefined };",
  },
  {
    name: "why a worker ended an attempt is forgotten",
    promise: "a task ends as its program does, and as nobody else had it",
    file: "services/worker/supervisor-adoption.js",
    find: "const verdict = verdicts.find(key);",
    replace: "const verdict = undefined;",
  },
];
