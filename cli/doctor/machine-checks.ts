import type { CheckResult } from "../../lib/checks/check-result.ts";
import { formatHostPort, type HostPort } from "../../lib/host-port.ts";
import { checkState, wordsOf } from "./disk-checks.ts";
import { checkEngine, isAtLeast } from "./engine-checks.ts";
import { type Examination, type Finding, ok, problem, warning } from "./finding.ts";
import type { Machine } from "./machine.ts";

/** A port that a service of Berth listens on. */
export type Listening = Readonly<{ name: string; flag: string; where: HostPort }>;

type Plan = Readonly<{
  dockerHost: string | undefined;
  stateFolder: string;
  ports: readonly Listening[];
  /** Members of the etcd that holds the managers' store. Empty: they have none. */
  etcd: readonly HostPort[];
  /** Version of this command. */
  version: string;
  /** Asks whether who listens there serves, as `berth health` does. */
  checkHealth: (where: HostPort) => Promise<CheckResult>;
}>;

/** Whether servers of Berth can run on this machine. */
export async function examineMachine(machine: Machine, plan: Plan): Promise<Examination> {
  const findings = await Promise.all([
    [checkNode(machine)],
    checkEngine(machine, plan.dockerHost),
    checkKernel(machine),
    checkState(machine, plan.stateFolder),
    Promise.all(plan.ports.map((port) => checkPort(machine, port, plan))),
    Promise.all(plan.etcd.map((where) => checkMember(machine, where))),
  ]);
  return { part: "machine", findings: findings.flat() };
}

/** As package.json has it. */
const NODE_MIN = "20.20";

function checkNode({ nodeVersion }: Machine): Finding {
  return isAtLeast(nodeVersion, NODE_MIN)
    ? ok("node", nodeVersion)
    : problem("node", `${nodeVersion} is too old`, `install Node ${NODE_MIN} or later`);
}

async function checkPort(machine: Machine, port: Listening, plan: Plan): Promise<Finding> {
  const { name, flag, where } = port;
  const check = `port ${where.port}`;
  try {
    if (!(await machine.isTaken(where))) return ok(check, `is free for a ${name}`);
    const health = await plan.checkHealth(where);
    if (health.kind === "passed") return checkServing(machine, port, plan.version);
    const words = `is taken at ${where.host}, and who listens there does not say that it serves: ${health.message}`;
    return warning(
      check,
      words,
      `see who it is: ss -ltnp 'sport = :${where.port}'; or choose another with ${flag}`,
    );
  } catch (error) {
    return warning(
      check,
      `cannot be listened on: ${wordsOf(error)}`,
      `choose another with ${flag}`,
    );
  }
}

/** Every service tells its version among its metrics. */
async function checkServing(
  machine: Machine,
  { name, where }: Listening,
  version: string,
): Promise<Finding> {
  // Who serves calls and no pages is as well: only its version stays unknown.
  const page = await machine
    .fetch(`http://${formatHostPort(where)}/metrics`)
    .catch(() => undefined);
  const theirs = /^berth_build_info\{.*?version="([^"]*)"/m.exec(page?.body ?? "")?.[1];
  const words = `a ${name} serves at ${formatHostPort(where)}`;
  if (theirs === undefined || theirs === version) return ok(`port ${where.port}`, words);
  return warning(
    `port ${where.port}`,
    `${words}: it is ${theirs}, this command ${version}`,
    "upgrade registries first, then managers, then workers",
  );
}

async function checkMember(machine: Machine, where: HostPort): Promise<Finding> {
  const address = formatHostPort(where);
  try {
    await machine.reach(where);
    return ok("store", `etcd listens at ${address}`);
  } catch (error) {
    return problem(
      "store",
      `nobody listens at ${address}, which --store names: ${wordsOf(error)}`,
      "start etcd there, or name the members that there are",
    );
  }
}

/** Files and sockets that a manager of a thousand workers has open, with room. */
const OPEN_FILES_MIN = 16_384;
const PID_MIN = 32_768;
const CONTROLLERS = ["cpu", "memory", "pids"];

async function checkKernel(machine: Machine): Promise<readonly Finding[]> {
  // Kernels differ in what they tell: a file that is not there is a finding less.
  const read = async (path: string) => (await machine.read(path).catch(() => undefined))?.trim();
  const [limits, pidMax, forward, controllers] = await Promise.all([
    read("/proc/self/limits"),
    read("/proc/sys/kernel/pid_max"),
    read("/proc/sys/net/ipv4/ip_forward"),
    read("/sys/fs/cgroup/cgroup.controllers"),
  ]);
  return [
    ...openFiles(limits),
    ...(Number(pidMax) < PID_MIN
      ? [
          warning(
            "processes",
            `this machine has ${pidMax} at most`,
            `sysctl -w kernel.pid_max=4194304`,
          ),
        ]
      : []),
    ...(forward === "0"
      ? [
          problem(
            "ip forwarding",
            "is off: containers reach nobody, and published ports lead nowhere",
            "sysctl -w net.ipv4.ip_forward=1, and keep it in /etc/sysctl.d",
          ),
        ]
      : []),
    ...missingControllers(controllers),
  ];
}

function openFiles(limits: string | undefined): readonly Finding[] {
  // Soft and hard limit: Node takes the hard one by itself.
  const hard = /^Max open files\s+\S+\s+(\S+)/m.exec(limits ?? "")?.[1];
  if (hard === undefined) return [];
  const words = `a process may have ${hard}`;
  return hard === "unlimited" || Number(hard) >= OPEN_FILES_MIN
    ? [ok("open files", words)]
    : [warning("open files", words, `ulimit -Hn ${OPEN_FILES_MIN}, or LimitNOFILE= in the unit`)];
}

function missingControllers(controllers: string | undefined): readonly Finding[] {
  if (controllers === undefined) return [];
  const missing = CONTROLLERS.filter((each) => !controllers.split(" ").includes(each));
  if (missing.length === 0) return [];
  const words = `the kernel offers no ${missing.join(", ")} controller: such limits have no effect`;
  return [
    warning("controllers", words, "enable them: cgroup_enable=… on the kernel's command line"),
  ];
}
