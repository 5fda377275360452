import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { formatHostPort, isLoopback, parseHostPort } from "./host-port.ts";

describe("parseHostPort", () => {
  test.each([
    ["127.0.0.1:7070", "127.0.0.1", 7070],
    ["localhost:0", "localhost", 0],
    ["[::1]:65535", "::1", 65_535],
    ["[fe80::1]:80", "fe80::1", 80],
    ["worker-1.rack_2.example.com.:1", "worker-1.rack_2.example.com.", 1],
  ])("reads %s", (text, host, port) => {
    expect(parseHostPort(text)).toEqual({ kind: "parsed", host, port });
  });

  test.each([
    ["", "write host:port, such as 127.0.0.1:7070 or [::1]:7070"],
    ["localhost", "write host:port"],
    ["localhost:http", "write host:port"],
    ["localhost:", "write host:port"],
    ["http://localhost:80", "write host:port"],
    [":7070", "name a host, such as 127.0.0.1:7070"],
    ["[]:7070", "name a host"],
    ["localhost:65536", "the port must be at most 65535"],
    ["localhost:-1", "write host:port"],
    ["::1", "write [::1]:7070"],
    ["::1:7070", "write [::1:7070]:7070"],
    ["1:2:3:4:5:6:7:8:7070", "write [1:2:3:4:5:6:7:8]:7070"],
    ["[localhost]:80", "localhost is neither a name nor an IP address"],
    ["a b:80", "a b is neither a name nor an IP address"],
    ["-a:80", "-a is neither a name nor an IP address"],
    [`${"a".repeat(254)}:80`, "is neither a name nor an IP address"],
  ])("refuses %j and says what to write", (text, remedy) => {
    const parsed = parseHostPort(text);
    expect(parsed.kind === "malformed" && parsed.explanation).toContain(remedy);
    expect(parsed.kind === "malformed" && parsed.explanation).toContain(JSON.stringify(text));
  });

  test("reads back what formatHostPort writes", () => {
    const anyHost = fc.oneof(fc.domain(), fc.ipV4(), fc.ipV6());
    fc.assert(
      fc.property(anyHost, fc.nat({ max: 65_535 }), (host, port) => {
        expect(parseHostPort(formatHostPort({ host, port }))).toEqual({
          kind: "parsed",
          host,
          port,
        });
      }),
    );
  });
});

test.each([
  ["127.0.0.1", true],
  ["127.255.0.9", true],
  ["::1", true],
  ["0:0:0:0:0:0:0:1", true],
  ["::ffff:127.0.0.1", true],
  ["localhost", true],
  ["LOCALHOST.", true],
  ["a.localhost", true],
  ["0.0.0.0", false],
  ["::", false],
  ["::2", false],
  ["1::1", false],
  ["10.0.0.1", false],
  ["127.0.0.1.example.com", false],
  ["notlocalhost", false],
])("isLoopback(%s) is %s", (host, expected) => {
  expect(isLoopback(host)).toBe(expected);
});
