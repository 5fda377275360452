import { isJson, type Json, jsonAt, listAt, textAt } from "../../services/worker/engine-json.ts";
import { engineSocketPath } from "../../services/worker/engine-socket.ts";
import { checkSpace } from "./disk-checks.ts";
import { type Finding, ok, problem, skipped, warning } from "./finding.ts";
import type { Machine } from "./machine.ts";
import { checkPulls } from "./registry-checks.ts";

/** The oldest interface of the engine that Berth speaks: that of Docker 20.10. */
const API_MIN = "1.41";

const REACH: Readonly<Record<string, string>> = {
  ENOENT:
    "install an engine and start it (systemctl start docker), or say where it is: DOCKER_HOST=unix:///path/to/docker.sock",
  ECONNREFUSED: "start the engine: systemctl start docker",
  EACCES: "be in the socket's group (usermod -aG docker USER, then log in anew), or be root",
};

/** The container engine: whether it answers, what it can, and room for its images. */
export async function checkEngine(
  machine: Machine,
  dockerHost: string | undefined,
): Promise<readonly Finding[]> {
  const socket = engineSocketPath(dockerHost);
  const ask = async (path: string): Promise<Json> => {
    const { body } = await machine.askEngine(socket, path);
    const answer: unknown = JSON.parse(body);
    return isJson(answer) ? answer : {};
  };
  try {
    const [info, version] = [await ask("/info"), await ask("/version")];
    return [
      versionFinding(version, socket),
      ...abilities(info),
      await checkSpace(machine, "images", textAt(info, "DockerRootDir")),
      ...(await checkPulls(machine, mirrorsOf(info))),
    ];
  } catch (error) {
    const { code, message } = Object(error) as Readonly<{ code?: string; message?: string }>;
    return [
      problem(
        "engine",
        `no container engine answers at ${socket}: ${message}`,
        REACH[code ?? ""] ?? "look at the engine's log: journalctl -u docker",
      ),
      skipped("pulls", "only an engine knows whence it pulls"),
    ];
  }
}

function versionFinding(version: Json, socket: string): Finding {
  const [name, api] = [textAt(version, "Version"), textAt(version, "ApiVersion")];
  return isAtLeast(api, API_MIN)
    ? ok("engine", `docker ${name} (API ${api}) at ${socket}`)
    : problem(
        "engine",
        `docker ${name} speaks API ${api || "?"}`,
        `upgrade it: Berth needs API ${API_MIN}, of Docker 20.10`,
      );
}

/** Compares numbers with dots. */
export function isAtLeast(text: string, least: string): boolean {
  const [have, want] = [text, least].map((each) => each.split(".").map(Number));
  for (const [at, number] of (want ?? []).entries()) {
    const difference = (have?.[at] ?? 0) - number;
    if (Number.isNaN(difference)) return false;
    if (difference !== 0) return difference > 0;
  }
  return true;
}

/** What an engine may lack and still run containers. */
function abilities(info: Json): readonly Finding[] {
  const version = textAt(info, "CgroupVersion") || "1";
  const cgroups = version === "2" ? ok("cgroups", "v2") : LACKS.cgroups;
  const hasSeccomp = listAt(info, "SecurityOptions").some((it) => String(it).includes("seccomp"));
  return [
    cgroups,
    ...(info["MemoryLimit"] === false ? [LACKS.memory] : []),
    ...(info["PidsLimit"] === false ? [LACKS.processes] : []),
    ...(hasSeccomp ? [] : [LACKS.seccomp]),
    ...(info["LiveRestoreEnabled"] === true ? [] : [LACKS.liveRestore]),
  ];
}

const LACKS = {
  cgroups: warning(
    "cgroups",
    "the engine uses v1: limits and figures of tasks are less exact",
    "boot with systemd.unified_cgroup_hierarchy=1",
  ),
  memory: warning(
    "memory limits",
    "are not enforced by this engine",
    "enable the memory controller: cgroup_enable=memory on the kernel's command line",
  ),
  processes: warning(
    "process limits",
    "are not enforced by this engine",
    "enable the pids controller of the kernel",
  ),
  seccomp: warning(
    "seccomp",
    "is off: containers may use every system call",
    "use a kernel and an engine that are built with seccomp",
  ),
  liveRestore: warning(
    "live restore",
    "is off: containers end when the engine is restarted",
    'set "live-restore": true in /etc/docker/daemon.json, then: systemctl reload docker',
  ),
};

const mirrorsOf = (info: Json): readonly string[] =>
  listAt(jsonAt(info, "RegistryConfig"), "Mirrors").map(String);
