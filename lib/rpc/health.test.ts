import { Code } from "@connectrpc/connect";
import { describe, expect, jest, test } from "@jest/globals";
import {
  Health,
  HealthCheckResponse_ServingStatus as Status,
} from "../../gen/health/v1/health_pb.ts";
import { createClient } from "./client.ts";
import { EchoService } from "./testing/echo-pb.ts";
import { codeOf, createRig } from "./testing/rig.ts";

// Real sockets, on machines that may be busy; nothing here waits for time to pass.
jest.setTimeout(60_000);

const { start } = createRig();

describe("health", () => {
  test("is serving at first, knows every service, and follows what is set", async () => {
    const { channel, server } = await start();
    const health = createClient(Health, channel);
    expect((await health.check({})).status).toBe(Status.SERVING);
    expect(Object.keys((await health.list({})).statuses)).toEqual(["", EchoService.typeName]);
    server.setServing(false);
    expect((await health.check({ service: EchoService.typeName })).status).toBe(Status.NOT_SERVING);
    expect(await codeOf(health.check({ service: "nobody" }))).toBe(Code.NotFound);
  });

  test("a watcher hears of every change, and of the end before its stream ends", async () => {
    const { channel, server } = await start();
    const seen: Status[] = [];
    const watching = (async () => {
      for await (const { status } of createClient(Health, channel).watch({})) {
        seen.push(status);
        if (seen.length === 1) server.setServing(false);
        if (seen.length === 2) server.setServing(true);
        if (seen.length === 3) void server.stop(1_000);
      }
    })();
    expect(await codeOf(watching)).toBe(Code.Unavailable);
    expect(seen).toEqual([Status.SERVING, Status.NOT_SERVING, Status.SERVING, Status.NOT_SERVING]);
  });

  test("a service that is not here is unknown to a watcher", async () => {
    const { channel } = await start();
    const health = createClient(Health, channel);
    for await (const { status } of health.watch({ service: "nobody" })) {
      expect(status).toBe(Status.SERVICE_UNKNOWN);
      break;
    }
  });
});
