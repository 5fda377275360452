import type { Log } from "../../lib/log.ts";
import type { EngineClient, EngineTask } from "./engine-client.ts";
import { type Json, listAt, numberAt, textAt } from "./engine-json.ts";
import type { EngineLimits } from "./engine-limits.ts";
import type { EngineDescription, Runtime } from "./runtime.ts";

type Deps = Readonly<{ engine: EngineClient; log: Log; limits: EngineLimits }>;

/** Asks the engine what it is. Warns, once, of what makes it less safe than it could be. */
export function createDescriber({ engine, log, limits }: Deps): Runtime["describe"] {
  let isFirst = true;
  return async () => {
    const [info, version] = await Promise.all([
      engine.ask(lookTask("/info", limits)),
      engine.ask(lookTask("/version", limits)),
    ]);
    if (isFirst) for (const warning of warningsOf(info)) log.warn({}, warning);
    isFirst = false;
    return descriptionOf(info, version);
  };
}

const descriptionOf = (info: Json, version: Json): EngineDescription => ({
  engine: `docker ${textAt(version, "Version")}`,
  os: textAt(version, "Os"),
  architecture: textAt(version, "Arch"),
  cpuMillis: numberAt(info, "NCPU") * 1000,
  memoryBytes: numberAt(info, "MemTotal"),
  dataRoot: textAt(info, "DockerRootDir"),
});

function warningsOf(info: Json): string[] {
  const isConfined = listAt(info, "SecurityOptions").some((option) =>
    String(option).includes("name=seccomp"),
  );
  return [
    ...(info["LiveRestoreEnabled"] === true
      ? []
      : ["live restore is off: containers end with the engine"]),
    ...(isConfined ? [] : ["seccomp is off: containers may use every system call"]),
    ...(info["MemoryLimit"] === true ? [] : ["memory limits are not enforced by this engine"]),
    ...(info["PidsLimit"] === true ? [] : ["process limits are not enforced by this engine"]),
  ];
}

const lookTask = (path: string, limits: EngineLimits): EngineTask => ({
  verb: "describe",
  subject: "engine",
  deadlineMs: limits.lookMs,
  request: { method: "GET", path },
});
