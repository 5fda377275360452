import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { PortProtocol } from "../../gen/berth/v1/task_pb.ts";
import { problemIn, valueIn } from "../testing/parsing.ts";
import { parsePublish } from "./publish.ts";

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
    fc.property(port, fc.option(port), fc.constantFrom("tcp", "udp"), (inner, outer, protocol) => {
      const text = `${outer === null ? "" : `${outer}:`}${inner}/${protocol}`;
      expect(valueIn(parsePublish(text))).toMatchObject({
        containerPort: inner,
        ...(outer === null ? {} : { hostPort: outer }),
      });
    }),
  );
});
