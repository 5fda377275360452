import { expect, test } from "@jest/globals";
import { type Log, silentLog } from "../../lib/log.ts";
import type { EngineClient } from "./engine-client.ts";
import { createDescriber } from "./engine-describe.ts";
import type { Json } from "./engine-json.ts";
import { defaultLimits } from "./engine-limits.ts";

function describerOf(info: Json) {
  const warnings: string[] = [];
  const log: Log = { ...silentLog, warn: (_, message) => warnings.push(message) };
  const version = { Version: "20.10.24", Os: "linux", Arch: "amd64" };
  const never = () => Promise.reject(new Error("not asked for"));
  const engine: EngineClient = {
    tell: never,
    askList: never,
    open: never,
    converse: never,
    ask: async ({ request }) => (request.path === "/version" ? version : info),
  };
  return { warnings, describe: createDescriber({ engine, log, limits: defaultLimits(1) }) };
}

const safe = {
  NCPU: 2,
  MemTotal: 1024,
  DockerRootDir: "/var/lib/docker",
  LiveRestoreEnabled: true,
  SecurityOptions: ["name=seccomp,profile=default"],
  MemoryLimit: true,
  PidsLimit: true,
};

test("says what the engine is and has", async () => {
  const { describe, warnings } = describerOf(safe);
  expect(await describe()).toEqual({
    engine: "docker 20.10.24",
    os: "linux",
    architecture: "amd64",
    cpuMillis: 2000,
    memoryBytes: 1024,
    dataRoot: "/var/lib/docker",
  });
  expect(warnings).toEqual([]);
});

test.each([
  [{ LiveRestoreEnabled: false }, "live restore is off: containers end with the engine"],
  [{ SecurityOptions: [] }, "seccomp is off: containers may use every system call"],
  [{ MemoryLimit: false }, "memory limits are not enforced by this engine"],
  [{ PidsLimit: false }, "process limits are not enforced by this engine"],
])("warns once of %j", async (trouble, warning) => {
  const { describe, warnings } = describerOf({ ...safe, ...trouble });
  await describe();
  await describe();
  expect(warnings).toEqual([warning]);
});
