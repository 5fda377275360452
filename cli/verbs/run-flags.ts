import { type Command, Option } from "commander";
import { SCHEDULER_NAMES } from "../../core/placement/schedulers.ts";
import { PROBE_NAMES, type ProbeName } from "../probe-flags.ts";
import { collect } from "./client-verb.ts";

const TASK = "Task:";
const RESOURCES = "Resources:";
const PLACEMENT = "Placement:";
const NETWORK = "Network:";
const PROBES = "Probes:";

/** Adds the flags that describe the task: those of `docker run` where it has one. */
export function addTaskSpecFlags(command: Command): Command {
  for (const each of allOptions()) command.addOption(each);
  return command;
}

/** Whether a flag describes the task, by the name that Commander gives it. */
export const isTaskSpecFlag = (name: string): boolean =>
  allOptions().some((each) => each.attributeName() === name);

const allOptions = (): readonly Option[] => [
  ...taskOptions(),
  ...resourceOptions(),
  ...placementOptions(),
  ...networkOptions(),
  ...PROBE_NAMES.flatMap(probeOptions),
];

const option = (group: string, flags: string, help: string): Option =>
  new Option(flags, help).helpGroup(group);

const repeatable = (group: string, flags: string, help: string): Option =>
  option(group, flags, `${help}; repeatable`).argParser(collect);

const taskOptions = (): readonly Option[] => [
  option(TASK, "--name <name>", "name for people and for discovery (default: the task's ID)"),
  repeatable(TASK, "-e, --env <key=value>", "environment variable; KEY alone passes yours on"),
  repeatable(TASK, "--env-file <file>", "environment variables, a KEY=VALUE a line"),
  repeatable(TASK, "-l, --label <key=value>", "fact for people and filters"),
  option(TASK, "--entrypoint <command>", "replaces the image's entrypoint"),
  option(TASK, "-w, --workdir <path>", "working directory in the container"),
  option(TASK, "-u, --user <user>", "user, uid, user:group or uid:gid"),
  option(
    TASK,
    "--restart <policy>",
    "no, on-failure[:TIMES], always, unless-stopped (default: no)",
  ),
  option(
    TASK,
    "--restart-window <time>",
    "count TIMES within this time (default: the task's life)",
  ),
  option(TASK, "--pull <when>", "missing, always, never (default: missing)"),
  option(TASK, "--pull-timeout <time>", "how long fetching the image may take (default: 10m)"),
  option(TASK, "--start-timeout <time>", "how long making and starting may take (default: 2m)"),
  option(TASK, "--stop-timeout <time>", "time between the stop signal and the kill (default: 10s)"),
  option(TASK, "--stop-signal <signal>", "signal that asks to stop (default: the image's own)"),
  option(
    TASK,
    "--on-disconnect <action>",
    "keep or stop, when its worker is cut off from the cluster (default: keep)",
  ),
];

const placementOptions = (): readonly Option[] => [
  option(
    PLACEMENT,
    "--scheduler <name>",
    `who chooses its worker: ${SCHEDULER_NAMES.join(", ")} (default: the cluster's)`,
  ),
  option(
    PLACEMENT,
    "--platform <platform>",
    "platform that the worker must have, such as linux/amd64",
  ),
  repeatable(
    PLACEMENT,
    "--constraint <rule>",
    'what must hold of the worker: zone=a, disk!=hdd, "zone in (a,b)", gpu, !gpu, cores>8, ' +
      "worker.hostname~web-.*",
  ),
  repeatable(
    PLACEMENT,
    "--affinity <rule>",
    "what should hold of it: as --constraint, with a weight: zone=a:50",
  ),
  repeatable(
    PLACEMENT,
    "--spread <key>",
    "spread tasks of its name over a label's values: zone, or zone:1 for at most 1 ahead",
  ),
  repeatable(
    PLACEMENT,
    "--near <labels>",
    "only beside tasks with these labels: app=db, or app=db@zone for the same zone",
  ),
  repeatable(PLACEMENT, "--apart <labels>", "never beside tasks with these labels: app=web"),
  option(PLACEMENT, "--max-per-worker <number>", "the most tasks of its name on one worker"),
  option(
    PLACEMENT,
    "--priority <number>",
    "of tasks that wait the highest goes first (default: 0)",
  ),
  option(
    PLACEMENT,
    "--placement-timeout <time>",
    "how long it may wait for a place (default: until there is one)",
  ),
];

const resourceOptions = (): readonly Option[] => [
  option(RESOURCES, "--cpus <number>", "the most CPUs it may use, such as 0.5"),
  option(RESOURCES, "-m, --memory <size>", "the most memory it may use, such as 512m"),
  option(RESOURCES, "--pids-limit <number>", "the most processes and threads (default: 512)"),
  option(RESOURCES, "--reserve-cpus <number>", "CPUs set aside for it (default: --cpus)"),
  option(RESOURCES, "--reserve-memory <size>", "memory set aside for it (default: --memory)"),
  option(RESOURCES, "--reserve-disk <size>", "disk set aside for it"),
  repeatable(RESOURCES, "--reserve <name=count>", "custom resources for it, such as gpu=1"),
];

const networkOptions = (): readonly Option[] => [
  repeatable(
    NETWORK,
    "-p, --publish <port>",
    "publish [HOST-PORT:]CONTAINER-PORT[/udp]; without HOST-PORT on any free one",
  ),
  option(NETWORK, "--network <mode>", "bridge, host, none (default: bridge)"),
];

/** What follows from a failure, by the flags' name for the probe. */
const EFFECTS: Readonly<Record<ProbeName, string>> = {
  health: "end it as unhealthy when",
  ready: "withdraw its endpoints while",
  startup: "hold back the other probes while",
};

const probeOptions = (name: ProbeName): readonly Option[] => [
  option(PROBES, `--${name}-cmd <command>`, `${EFFECTS[name]} this fails in its /bin/sh`),
  option(PROBES, `--${name}-http <port/path>`, `${EFFECTS[name]} GET fails, such as :80/health`),
  option(PROBES, `--${name}-tcp <port>`, `${EFFECTS[name]} this port refuses connections`),
  option(PROBES, `--${name}-grpc <port/service>`, `${EFFECTS[name]} grpc.health.v1 is not SERVING`),
  option(PROBES, `--${name}-interval <time>`, "time between checks (default: 10s)"),
  option(PROBES, `--${name}-timeout <time>`, "how long a check may take (default: 3s)"),
  option(PROBES, `--${name}-retries <number>`, "failures in a row that count (default: 3)"),
  option(PROBES, `--${name}-start-period <time>`, "failures before do not count (default: 0s)"),
  option(PROBES, `--${name}-from <who>`, "who asks: worker or manager (default: worker)"),
];
