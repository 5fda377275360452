import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { PortProtocol, RestartMode, TaskState } from "../../gen/berth/v1/task_pb.ts";
import { parseCpus } from "./cpus.ts";
import { parseDuration } from "./duration.ts";
import { parseFilters } from "./filter.ts";
import { parseEnv, parseEnvFile, parseLabel } from "./key-value.ts";
import { oneOf, type Parsed, parseEach, parseWhole } from "./parsed.ts";
import { parsePublish } from "./publish.ts";
import { parseRestart } from "./restart.ts";
import { parseSince } from "./since.ts";
import { parseSize } from "./size.ts";

const valueIn = <T>(result: Parsed<T>) =>
  result.kind === "parsed" ? result.value : `malformed: ${result.problem}`;
const problemIn = (result: Parsed<unknown>) =>
  result.kind === "malformed" ? result.problem : "parsed";

describe("ports", () => {
  test("reads container, host and protocol", () => {
    expect(valueIn(parsePublish("80"))).toEqual({
      containerPort: 80,
      protocol: PortProtocol.TCP,
    });
    expect(valueIn(parsePublish("5353:53/UDP"))).toEqual({
      containerPort: 53,
      hostPort: 5353,
      protocol: PortProtocol.UDP,
    });
  });

  test.each([
    ["", "must be [HOST-PORT:]CONTAINER-PORT"],
    ["web", "must be [HOST-PORT:]CONTAINER-PORT"],
    [":80", "must be [HOST-PORT:]CONTAINER-PORT"],
    ["80:", "must be [HOST-PORT:]CONTAINER-PORT"],
    ["0", "ports go from 1 to 65535"],
    ["65536", "ports go from 1 to 65535"],
    ["80/sctp", "[/tcp|/udp]"],
    ["80/tcp/udp", "[/tcp|/udp]"],
    ["127.0.0.1:8080:80", "the address is the worker's own"],
    ["8000-8010", "ranges of ports are not supported"],
  ])("refuses %j", (text, rule) => {
    expect(problemIn(parsePublish(text))).toContain(rule);
  });

  test("reads back whatever is written", () => {
    const port = fc.integer({ min: 1, max: 65535 });
    fc.assert(
      fc.property(
        port,
        fc.option(port),
        fc.constantFrom("tcp", "udp"),
        (inner, outer, protocol) => {
          const text = `${outer === null ? "" : `${outer}:`}${inner}/${protocol}`;
          expect(valueIn(parsePublish(text))).toMatchObject({
            containerPort: inner,
            ...(outer === null ? {} : { hostPort: outer }),
          });
        },
      ),
    );
  });
});

describe("sizes", () => {
  test.each([
    ["512", 512n],
    ["512b", 512n],
    ["1k", 1024n],
    ["512m", 512n * 1024n ** 2n],
    ["512MiB", 512n * 1024n ** 2n],
    ["1.5g", 3n * 512n * 1024n ** 2n],
    ["2TB", 2n * 1024n ** 4n],
  ])("reads %s", (text, bytes) => expect(valueIn(parseSize(text))).toBe(bytes));

  test.each(["", "m", "-5m", "1,5g", "5 m", "1e3", "512x", "1.g", "0x10"])("refuses %j", (text) => {
    expect(problemIn(parseSize(text))).toContain("must be a size such as 512m");
  });

  test("refuses more than a machine can have", () => {
    expect(problemIn(parseSize("9999999t"))).toContain("less than 8 PiB");
  });
});

describe("cpus", () => {
  test.each([
    ["2", 2000n],
    ["0.5", 500n],
    ["0.125", 125n],
  ])("reads %s", (text, millis) => expect(valueIn(parseCpus(text))).toBe(millis));

  test.each(["", ".5", "0.1234", "-1", "500m", "1e1"])("refuses %j", (text) => {
    expect(problemIn(parseCpus(text))).toContain("must be a number of CPUs");
  });
});

describe("durations", () => {
  test.each([
    ["10", 10_000],
    ["500ms", 500],
    ["1m30s", 90_000],
    ["1.5h", 5_400_000],
    ["2d", 172_800_000],
    ["0", 0],
  ])("reads %s", (text, ms) => expect(valueIn(parseDuration(text))).toBe(ms));

  test.each(["", "s", "-1s", "10 s", "1m30", "1w", "forever"])("refuses %j", (text) => {
    expect(problemIn(parseDuration(text))).toContain("must be a duration such as 10s");
  });

  test("refuses what is plainly a mistake", () => {
    expect(problemIn(parseDuration("99999d"))).toContain("a hundred years");
  });
});

describe("times", () => {
  const now = Date.UTC(2026, 0, 31, 12);

  test.each([
    ["10m", now - 600_000],
    ["2026-01-31T11:00:00Z", now - 3_600_000],
    ["2026-01-31T12:00:00+01:00", now - 3_600_000],
  ])("reads %s", (text, ms) => expect(valueIn(parseSince(text, now))).toBe(ms));

  test.each(["yesterday", "2026-13-01T00:00:00Z", "12:00"])("refuses %j", (text) =>
    expect(problemIn(parseSince(text, now))).toContain("must be a time such as"),
  );
});

describe("environment", () => {
  const environment = { HOME: "/home/me", EMPTY: "" };

  test("takes a value as it is, equals signs included", () => {
    expect(valueIn(parseEnv("A=b=c ", environment))).toEqual(["A", "b=c "]);
    expect(valueIn(parseEnv("A=", environment))).toEqual(["A", ""]);
  });

  test("a bare name passes the caller's own value on", () => {
    expect(valueIn(parseEnv("HOME", environment))).toEqual(["HOME", "/home/me"]);
    expect(valueIn(parseEnv("EMPTY", environment))).toEqual(["EMPTY", ""]);
  });

  test("a bare name that is not set is refused", () => {
    expect(problemIn(parseEnv("TOKEN", environment))).toBe(
      'is "TOKEN": your environment has no TOKEN: set it, or write TOKEN=VALUE',
    );
  });

  test("a file's comments and empty lines are skipped", () => {
    expect(valueIn(parseEnvFile('# a comment\r\n\nA="1"\n  HOME\n', environment))).toEqual([
      ["A", '"1"'],
      ["HOME", "/home/me"],
    ]);
  });

  test("a file's bad line is named", () => {
    expect(problemIn(parseEnvFile("A=1\n=2\n", environment))).toContain('line 2 is "=2"');
  });

  test("a label may lack its value but not its key", () => {
    expect(valueIn(parseLabel("gpu"))).toEqual(["gpu", ""]);
    expect(problemIn(parseLabel("=a"))).toContain("must be KEY=VALUE");
  });
});

describe("restart policies", () => {
  test.each([
    ["no", { mode: RestartMode.NO }],
    ["on-failure", { mode: RestartMode.ON_FAILURE }],
    ["on-failure:3", { mode: RestartMode.ON_FAILURE, restartsMax: 3 }],
    ["unless-stopped", { mode: RestartMode.UNLESS_STOPPED }],
  ])("reads %s", (text, policy) => expect(valueIn(parseRestart(text))).toEqual(policy));

  test.each(["", "never", "always:3", "on-failure:", "on-failure:-1", "on-failure:1:2"])(
    "refuses %j",
    (text) => expect(problemIn(parseRestart(text))).toContain("must be no, on-failure"),
  );
});

describe("filters", () => {
  test("narrow together", () => {
    const texts = ["state=running", "state=Failed", "worker=w1", "label=app=web", "name=api"];
    expect(valueIn(parseFilters(texts))).toEqual({
      states: [TaskState.RUNNING, TaskState.FAILED],
      workerId: "w1",
      name: "api",
      labels: { app: "web" },
    });
  });

  test.each([
    [["running"], "must be state=STATE"],
    [["state=up"], "states are pending, scheduled"],
    [["label=app"], "must be label=KEY=VALUE"],
    [["worker=a", "worker=b"], "a task has one worker"],
    [["name=a", "name=b"], "a task has one name"],
  ])("refuse %j", (texts, rule) => expect(problemIn(parseFilters(texts))).toContain(rule));
});

test("a choice lists the words it takes", () => {
  const parse = oneOf({ json: 1, yaml: 2 });
  expect(valueIn(parse("yaml"))).toBe(2);
  expect(problemIn(parse("toString"))).toBe('is "toString": must be one of json, yaml');
});

test("a list stops at its first malformed entry", () => {
  const parse = (text: string) => parseWhole(text, 1, 9);
  expect(valueIn(parseEach(["1", "2"], parse))).toEqual([1, 2]);
  expect(problemIn(parseEach(["1", "x", "y"], parse))).toContain('is "x"');
});

test("no text makes a parser throw", () => {
  const parsers: readonly ((text: string) => Parsed<unknown>)[] = [
    parsePublish,
    parseSize,
    parseCpus,
    parseDuration,
    parseRestart,
    parseLabel,
    (text) => parseSince(text, 0),
    (text) => parseEnv(text, {}),
    (text) => parseEnvFile(text, {}),
    (text) => parseFilters([text]),
  ];
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9a-z:/.=-]{0,12}$/)), (text) => {
      for (const parse of parsers) expect(["parsed", "malformed"]).toContain(parse(text).kind);
    }),
  );
});
