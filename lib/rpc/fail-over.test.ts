import { Code, ConnectError, createRouterTransport, type ServiceImpl } from "@connectrpc/connect";
import { describe, expect, test } from "@jest/globals";
import { ManagerService } from "../../gen/berth/v1/manager_service_pb.ts";
import { contactsOf } from "../../test/contacts.ts";
import { systemClock } from "../clock.ts";
import { reasonOf, unavailable } from "../errors.ts";
import { silentLog } from "../log.ts";
import { openChannel } from "./channel.ts";
import { createClient } from "./client.ts";
import { openFailOver } from "./fail-over.ts";

type Failure = () => Error;

/** Managers in memory, each of which fails with what `failures` says for it, or answers. */
function openManagers(...failures: readonly (Failure | undefined)[]) {
  const calls: string[] = [];
  const channels = failures.map((fail, index) => {
    const name = `m${index + 1}`;
    const answer = () => {
      calls.push(name);
      if (fail) throw fail();
      return {};
    };
    const handlers: Partial<ServiceImpl<typeof ManagerService>> = {
      getCluster: answer,
      submitTask: answer,
      submitTasks: answer,
      stopTask: answer,
      async *watchTasks(request) {
        yield { ...answer(), revision: request.afterRevision ?? 0n };
        throw unavailable("DRAINING", "the server is draining");
      },
    };
    const transport = createRouterTransport((router) => router.service(ManagerService, handlers));
    return { ...transport, address: name, close: () => undefined };
  });
  const client = createClient(ManagerService, openFailOver(contactsOf(...channels)));
  return { client, calls };
}

const follower = () => unavailable("NOT_LEADER", "m2 leads");
const cutOff = () => unavailable("CUT_OFF", "the connection broke before the answer");
const dropped = () => new ConnectError("Connection dropped", Code.Unavailable);
const refused = () => new ConnectError("No connection established. Last error", Code.Unavailable);
const failureOf = (call: Promise<unknown>) => call.catch((error: unknown) => reasonOf(error) ?? "");

describe("a call", () => {
  test("goes to the next server when one says that another leads, and the rest stays there", async () => {
    const { client, calls } = openManagers(follower, undefined);
    await client.stopTask({ taskId: "t1" });
    await client.stopTask({ taskId: "t2" });
    expect(calls).toEqual(["m1", "m2", "m2"]);
  });

  test("asks each server once, and fails with the last one's words", async () => {
    const { client, calls } = openManagers(follower, follower, follower);
    expect(await failureOf(client.getCluster({}))).toBe("NOT_LEADER");
    expect(calls).toEqual(["m1", "m2", "m3"]);
  });

  test("that was never sent goes to the next, whatever it does", async () => {
    const { client, calls } = openManagers(refused, undefined);
    await client.stopTask({ taskId: "t1" });
    expect(calls).toEqual(["m1", "m2"]);
  });

  test("that may have been done is repeated if it only reads or carries a request ID", async () => {
    for (const send of ["getCluster", "submitTask"] as const) {
      const { client, calls } = openManagers(dropped, undefined);
      await client[send]({ requestId: "r1" });
      expect(calls).toEqual(["m1", "m2"]);
    }
  });

  test("of many is repeated if each of them carries a request ID", async () => {
    const submit = async (requestIds: readonly string[]) => {
      const { client, calls } = openManagers(cutOff, undefined);
      const requests = requestIds.map((requestId) => ({ requestId }));
      return [await failureOf(client.submitTasks({ requests })), calls.length];
    };
    expect(await submit(["r1", "r2"])).toMatchObject([{}, 2]);
    expect(await submit(["r1", ""])).toEqual(["CUT_OFF", 1]);
  });

  test("that may have been done and would do more is not repeated; the next call goes on", async () => {
    for (const send of ["stopTask", "submitTask"] as const) {
      const { client, calls } = openManagers(dropped, undefined);
      await expect(client[send]({})).rejects.toThrow("Connection dropped");
      expect(calls).toEqual(["m1"]);
      await client[send]({});
      expect(calls).toEqual(["m1", "m2"]);
    }
  });

  test("that is refused for what it says goes nowhere else", async () => {
    const full = () => unavailable("STORE_FULL", "no room");
    const { client, calls } = openManagers(full, undefined);
    expect(await failureOf(client.getCluster({}))).toBe("STORE_FULL");
    expect(calls).toEqual(["m1"]);
  });
});

describe("a watch", () => {
  test("begins at the next server when the first does not begin it", async () => {
    const { client, calls } = openManagers(follower, undefined);
    const watch = client.watchTasks({ afterRevision: 7n })[Symbol.asyncIterator]();
    expect((await watch.next()).value?.revision).toBe(7n);
    expect(calls).toEqual(["m1", "m2"]);
  });

  test("that breaks off is for the caller to resume", async () => {
    const { client, calls } = openManagers(undefined, undefined);
    const watch = client.watchTasks({})[Symbol.asyncIterator]();
    await watch.next();
    expect(await failureOf(watch.next())).toBe("DRAINING");
    expect(calls).toEqual(["m1"]);
  });
});

test("a server where nobody listens is passed over", async () => {
  const nobody = openChannel({ address: "127.0.0.1:1", clock: systemClock, log: silentLog });
  const handlers = { stopTask: () => ({}) };
  const transport = createRouterTransport((router) => router.service(ManagerService, handlers));
  const somebody = { ...transport, address: "memory", close: () => undefined };
  const ways = openFailOver(contactsOf(nobody, somebody));
  expect(await createClient(ManagerService, ways).stopTask({ taskId: "t1" })).toBeDefined();
  ways.close();
});
