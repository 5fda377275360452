import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { create, toBinary } from "@bufbuild/protobuf";
import { afterEach, expect, test } from "@jest/globals";
import { GetTaskResponseSchema, ManagerService } from "../gen/berth/v1/manager_service_pb.ts";
import { createClient } from "../lib/rpc/client.ts";
import { berthErrorOf } from "./berth-error.ts";
import { createFetchTransport } from "./fetch-transport.ts";

// What stands between a client and a manager: real HTTP, that answers as no manager would.

let close: () => void = () => undefined;
afterEach(() => close());

async function clientOf(listener: RequestListener) {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  close = () => {
    server.closeAllConnections();
    server.close();
  };
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return createClient(ManagerService, createFetchTransport({ baseUrl, fetch }));
}

const failureOf = (call: Promise<unknown>) =>
  call.then(
    () => "answered",
    (error: unknown) => {
      const { code, reason } = berthErrorOf(error);
      return [code, reason];
    },
  );

async function all(stream: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of stream);
}

test("an answer that was compressed on the way is understood", async () => {
  const message = create(GetTaskResponseSchema, { task: { id: "t1" } });
  const bytes = gzipSync(toBinary(GetTaskResponseSchema, message));
  const client = await clientOf((_request, response) => {
    const type = { "content-type": "application/proto", "content-encoding": "gzip" };
    response.writeHead(200, type).end(bytes);
  });
  expect((await client.getTask({ taskId: "t1" })).task?.id).toBe("t1");
});

test("a proxy whose manager is away is as a manager that is away", async () => {
  const client = await clientOf((_request, response) => {
    response.writeHead(503, { "content-type": "text/html" }).end("<h1>away</h1>");
  });
  expect(await failureOf(client.getTask({ taskId: "t1" }))).toEqual(["unavailable", ""]);
});

test("where nobody listens the call was certainly not made", async () => {
  const client = await clientOf((_request, response) => void response.end());
  close();
  expect(await failureOf(client.getTask({}))).toEqual(["unavailable", "NOT_CONNECTED"]);
});

test("a connection that breaks before the answer, or in its middle, leaves open what was done", async () => {
  const before = await clientOf((request) => void request.socket.destroy());
  expect(await failureOf(before.getTask({}))).toEqual(["unavailable", "CUT_OFF"]);
  close();
  const middle = await clientOf((request, response) => {
    response.writeHead(200, { "content-type": "application/connect+proto" });
    response.write(Buffer.from([0, 0, 0, 0, 0]), () => request.socket.destroy());
  });
  expect(await failureOf(all(middle.watchTasks({})))).toEqual(["unavailable", "CUT_OFF"]);
});

test("a stream that a proxy ended in good order has no end all the same", async () => {
  const client = await clientOf((_request, response) => {
    response.writeHead(200, { "content-type": "application/connect+proto" });
    response.end(Buffer.from([0, 0, 0, 0, 0]));
  });
  expect(await failureOf(all(client.watchTasks({})))).toEqual(["unavailable", "CUT_OFF"]);
});

test("a conversation is refused, with what can hold one", async () => {
  const client = await clientOf((_request, response) => void response.end());
  async function* words() {
    yield {};
  }
  await expect(all(client.execTask(words()))).rejects.toThrow("use gRPC, or `berth exec`");
});
