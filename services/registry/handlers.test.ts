import { expect, test } from "@jest/globals";
import { PortProtocol } from "../../gen/berth/v1/task_pb.ts";
import { describeRegistry, failureOf, fieldsOf, join, LEASE_MS, stateOf } from "./test-registry.ts";
import { bigRegistrationOf, registrationOf } from "./test-words.ts";

describeRegistry("a list", (registry) => {
  const add = (...ids: string[]) =>
    ids.map((id) => registry().roster.register(registrationOf(id), () => undefined));

  test("is ordered by ID and comes in pages", async () => {
    add("b", "c", "a", "e", "d");
    const pages: string[][] = [];
    let pageToken = "";
    do {
      const page = await registry().client.listWorkers({ pageSize: 2, pageToken });
      pages.push(page.workers.map(({ workerId }) => workerId));
      pageToken = page.nextPageToken;
    } while (pageToken);
    expect(pages).toEqual([["a", "b"], ["c", "d"], ["e"]]);
  });

  test("has no token after a last page that is full", async () => {
    add("a", "b");
    expect((await registry().client.listWorkers({ pageSize: 2 })).nextPageToken).toBe("");
  });

  test("has pages of 100 unless told otherwise, of 1000 at most", async () => {
    add(...Array.from({ length: 1_001 }, (_, i) => `w${i}`));
    const lengthOf = async (pageSize: number) =>
      (await registry().client.listWorkers({ pageSize })).workers.length;
    expect(await lengthOf(0)).toBe(100);
    expect(await lengthOf(1_001)).toBe(1_000);
  });

  test("has shorter pages of workers that have much to tell", async () => {
    for (let i = 0; i < 10; i++)
      registry().roster.register(bigRegistrationOf(`w${i}`), () => undefined);
    const { workers, nextPageToken } = await registry().client.listWorkers({});
    const rest = await registry().client.listWorkers({ pageToken: nextPageToken });
    expect([workers.length, rest.workers.length, rest.nextPageToken]).toEqual([7, 3, ""]);
  });

  test("refuses a negative page size and a token that is not its own", async () => {
    const refused = async (request: { pageSize?: number; pageToken?: string }) =>
      fieldsOf(await failureOf(registry().client.listWorkers(request)));
    expect(await refused({ pageSize: -1 })).toEqual(["page_size"]);
    expect(await refused({ pageToken: "x" })).toEqual(["page_token"]);
    const foreign = Buffer.from("task:a").toString("base64url");
    expect(await refused({ pageToken: foreign })).toEqual(["page_token"]);
  });

  test("holds those that are down", async () => {
    add("a");
    await registry().clock.advance(LEASE_MS);
    expect(await stateOf(registry(), "a")).toBe("DOWN");
  });
});

describeRegistry("a name", (registry) => {
  const endpoint = { name: "web", taskId: "t1", attempt: 1, host: "10.0.0.1", port: 80 };
  const resolve = async (name: string) => (await registry().client.resolveName({ name })).endpoints;

  test("nobody serves gives an empty list", async () => {
    expect(await resolve("web")).toEqual([]);
  });

  test("gives what the last heartbeat with endpoints said", async () => {
    const line = await join(registry(), "w1");
    const say = async (endpoints?: (typeof endpoint)[]) => {
      const value = { sequence: 1n, ...(endpoints && { endpoints: { endpoints } }) };
      line.say({ case: "heartbeat", value });
      expect(await line.next()).toMatchObject({ case: "acknowledgement" });
    };
    await say([endpoint]);
    await say();
    expect(await resolve("web")).toMatchObject([{ ...endpoint, protocol: PortProtocol.TCP }]);
    await say([]);
    expect(await resolve("web")).toEqual([]);
  });

  test("is served no more by a worker that is down", async () => {
    const line = await join(registry(), "w1");
    const value = { sequence: 1n, endpoints: { endpoints: [endpoint] } };
    line.say({ case: "heartbeat", value });
    await line.next();
    const failure = failureOf(line.next());
    await registry().clock.advance(LEASE_MS);
    await failure;
    expect(await resolve("web")).toEqual([]);
  });

  test("must be given", async () => {
    expect(fieldsOf(await failureOf(registry().client.resolveName({})))).toEqual(["name"]);
  });

  test("with bad endpoints ends the session, naming the fields", async () => {
    const line = await join(registry(), "w1");
    const bad = { ...endpoint, port: 65_536, attempt: 0, taskId: "" };
    line.say({ case: "heartbeat", value: { endpoints: { endpoints: [endpoint, bad] } } });
    expect(fieldsOf(await failureOf(line.next()))).toEqual([
      "heartbeat.endpoints.endpoints[1].task_id",
      "heartbeat.endpoints.endpoints[1].attempt",
      "heartbeat.endpoints.endpoints[1].port",
    ]);
  });
});
