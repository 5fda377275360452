import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { createFakeWorld } from "../../cli/testing/fake-world.ts";

const folder = join(import.meta.dirname, "../../deploy/systemd");
const SETTINGS = "/etc/berth/berth.yaml";
const run = createFakeWorld({ [SETTINGS]: readFileSync(join(folder, "berth.yaml"), "utf8") });

type Line = Readonly<{ key: string; value: string; comment: string }>;

/** The settings of a unit, each with the line above it if that is a comment. */
function linesOf(name: string): readonly Line[] {
  const lines = readFileSync(join(folder, name), "utf8").split("\n");
  return lines.flatMap((line, index) => {
    const [, key = "", value = ""] = /^([A-Za-z]+)=(.*)$/.exec(line) ?? [];
    const above = lines[index - 1] ?? "";
    return key === "" ? [] : [{ key, value, comment: above.startsWith("#") ? above : "" }];
  });
}

/** Whatever one of these says else than the first word lets a service do more. */
const WALLS: readonly (readonly [key: string, shut: string])[] = [
  ...[
    "LockPersonality MemoryDenyWriteExecute NoNewPrivileges PrivateDevices PrivateTmp ProtectClock",
    "ProtectControlGroups ProtectHome ProtectHostname ProtectKernelLogs ProtectKernelModules",
    "ProtectKernelTunables RemoveIPC RestrictNamespaces RestrictRealtime RestrictSUIDSGID",
  ]
    .flatMap((keys) => keys.split(" "))
    .map((key) => [key, "yes"] as const),
  ["CapabilityBoundingSet", ""],
  ["ProcSubset", "pid"],
  ["ProtectProc", "invisible"],
  ["ProtectSystem", "strict"],
  ["RestrictAddressFamilies", "AF_INET AF_INET6 AF_UNIX"],
  ["SystemCallArchitectures", "native"],
  ["UMask", "0077"],
];

describe.each(readdirSync(folder).filter((name) => name.endsWith(".service")))("%s", (name) => {
  const lines = linesOf(name);
  const find = (key: string) => lines.find((line) => line.key === key);

  test("starts a service that the settings of the example suit", async () => {
    const command = find("ExecStart")?.value ?? "";
    const words = command.replace(/^\S+\//, "").replaceAll("$" + "{STATE_DIRECTORY}", "/state");
    const printed = await run(`BERTH_CONFIG=${SETTINGS} ${words}`);
    expect(printed).toContain("starts with");
    expect(printed).not.toContain("exit code");
  });

  test("shuts off what it does not need, and says why where it does", () => {
    for (const [key, shut] of WALLS) {
      const line = find(key);
      expect({ key, isThere: line !== undefined }).toEqual({ key, isThere: true });
      if (line?.value !== shut) expect(line?.comment).toMatch(/^# ./);
    }
    expect(find("User")?.value).toMatch(/^berth/);
  });

  test("is started again after a crash, and not after a wrong setting", () => {
    expect(find("Restart")?.value).toBe("always");
    expect(find("StartLimitIntervalSec")?.value).toBe("0");
    expect(find("RestartPreventExitStatus")?.value).toBe("64");
  });
});
