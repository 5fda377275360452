import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { CommandError } from "../command-error.ts";
import { parseConfigFile } from "./config-file.ts";
import { resolve } from "./resolve.ts";
import { variableOf } from "./setting.ts";
import * as settings from "./settings.ts";

const shape = { lease: settings.lease, labels: settings.labels, insecure: settings.insecure };
const names = new Set(["lease", "labels", "insecure"]);
const fileOf = (content: string) => parseConfigFile("berth.yaml", content, names);

test("the nearest source wins: flag, environment, file, default", () => {
  const place = fc.record({
    flag: fc.option(fc.integer({ min: 1, max: 99 }), { nil: undefined }),
    variable: fc.option(fc.integer({ min: 1, max: 99 }), { nil: undefined }),
    file: fc.option(fc.integer({ min: 1, max: 99 }), { nil: undefined }),
  });
  fc.assert(
    fc.property(place, ({ flag, variable, file }) => {
      const { lease } = resolve(shape, {
        flags: flag === undefined ? {} : { lease: `${flag}s` },
        env: variable === undefined ? {} : { BERTH_LEASE: `${variable}s` },
        file: fileOf(file === undefined ? "" : `lease: ${file}s`),
      });
      expect(lease).toBe((flag ?? variable ?? file ?? 4) * 1000);
    }),
  );
});

test("a list comes from repeated flags, from commas, from a list or from pairs", () => {
  const labelsOf = (sources: Partial<Parameters<typeof resolve>[1]>) =>
    resolve(shape, { flags: {}, env: {}, file: new Map(), ...sources }).labels;
  const expected = [
    ["zone", "a"],
    ["gpu", ""],
  ];
  expect(labelsOf({ flags: { label: ["zone=a", "gpu"] } })).toEqual(expected);
  expect(labelsOf({ env: { BERTH_LABELS: "zone=a, gpu" } })).toEqual(expected);
  expect(labelsOf({ file: fileOf("labels: [zone=a, gpu]") })).toEqual(expected);
  expect(labelsOf({ file: fileOf('labels: { zone: a, gpu: "" }') })).toEqual(expected);
});

test("every problem is told, with the source that is wrong", () => {
  const attempt = () =>
    resolve(shape, {
      flags: { lease: "soon" },
      env: { BERTH_INSECURE: "perhaps" },
      file: fileOf("# labels\nlabels: [=a]\n"),
    });
  expect(attempt).toThrow(CommandError);
  expect(attempt).toThrow(/^--lease is "soon".*\nberth\.yaml:2: labels is "=a".*\nBERTH_INSECURE/);
});

test("an empty variable is as good as none", () => {
  expect(resolve(shape, { flags: {}, env: { BERTH_LEASE: "" }, file: new Map() }).lease).toBe(
    4_000,
  );
});

test("a file's mistakes are told by line", () => {
  expect(() => fileOf("lease: 5s\nleese: 6s\n")).toThrow(
    "berth.yaml:2: leese: no such setting, did you mean lease?",
  );
  expect(() => fileOf("zzz: 1")).toThrow("berth.yaml:1: zzz: no such setting");
  expect(() => fileOf("- lease")).toThrow("berth.yaml:1: must be lines of NAME: VALUE");
  expect(() => fileOf("lease: 1s\nlease: 2s\n")).toThrow("berth.yaml:2: Map keys must be unique");
});

test("variables are named after their settings", () => {
  expect(variableOf(settings.stateDir)).toBe("BERTH_STATE_DIR");
  expect(variableOf(settings.dockerHost)).toBe("DOCKER_HOST");
});

test("a list of addresses is read whole, and a bad entry is named with its remedy", () => {
  const lists = { addr: settings.addr, peers: settings.peers };
  const read = (flags: Record<string, string>) =>
    resolve(lists, { flags, env: {}, file: new Map() });
  const addr = "10.0.0.1:7070,srv:_manager._tcp.berth@10.0.0.2:53";
  expect(read({ addr })).toEqual({ addr, peers: undefined });
  expect(() => read({ addr: "10.0.0.1:7070,10.0.0.2" })).toThrow(
    '--addr is wrong: address "10.0.0.2" is not host:port: write host:port',
  );
  expect(() => read({ peers: "srv:registry@dns" })).toThrow(
    '--peers is wrong: "srv:registry@dns" is not srv:NAME or srv:NAME@ADDRESS:PORT: write srv:',
  );
});
