import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { WorkerService } from "../../gen/berth/v1/worker_service_pb.ts";
import { invalidFields, notFound } from "../errors.ts";
import type { RpcServer } from "./server.ts";
import { mountService } from "./service-mount.ts";
import { EchoService } from "./testing/echo-pb.ts";
import { echo, serve } from "./testing/wires.ts";

// Other programs are started, on machines that may be busy.
jest.setTimeout(60_000);

const run = promisify(execFile);

/** The services are reached as a stranger would: with buf's own client and no schema but ours. */
describe("buf curl, without a schema,", () => {
  let server: RpcServer;
  beforeAll(async () => {
    const handlers = echo({
      say({ text, count }) {
        if (count < 0)
          throw invalidFields([{ field: "count", description: "-1 is negative: use 0" }]);
        return { text };
      },
    });
    const refuse = (): never => {
      throw notFound("task", "t1");
    };
    // biome-ignore lint/correctness/useYield: a stream that fails before its first message
    const refuseStream = async function* () {
      refuse();
    };
    const worker = mountService(WorkerService, {
      startTask: () => ({}),
      startTasks: refuse,
      stopTask: refuse,
      stopTasks: refuse,
      forgetTask: refuse,
      forgetTasks: refuse,
      pushTasks: refuseStream,
      listTasks: refuse,
      getStats: refuse,
      getCrashEvidence: refuse,
      watchTasks: refuseStream,
      streamTaskLogs: refuseStream,
      execTask: refuseStream,
      copyTaskFiles: refuseStream,
      streamTaskStats: refuseStream,
    });
    server = await serve(handlers, { mounts: [mountService(EchoService, handlers), worker] });
  });
  afterAll(() => server.stop(0));

  const buf = async (args: readonly string[], path = ""): Promise<string> => {
    const flags = ["curl", "--http2-prior-knowledge", "--protocol", "grpc", ...args];
    return await run("node_modules/.bin/buf", [...flags, `http://${server.address}${path}`]).then(
      ({ stdout }) => stdout,
      ({ stdout, stderr }) => `${stdout}${stderr}`,
    );
  };

  test.each(["grpc-v1", "grpc-v1alpha"])(
    "lists what is served over reflection %s",
    async (version) => {
      const listed = await buf(["--reflect-protocol", version, "--list-methods"]);
      expect(listed.split("\n")).toEqual(
        expect.arrayContaining([
          "berth.testing.EchoService/Chat",
          "berth.v1.WorkerService/StartTask",
          "grpc.health.v1.Health/Watch",
          "grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        ]),
      );
    },
  );

  test("makes a call of each kind", async () => {
    const service = "/berth.testing.EchoService";
    const twice = '{"text":"a"}{"text":"b"}';
    const words = (json: string) =>
      [...json.matchAll(/"text":\s*"(.*?)"/g)].map(([, text]) => text);
    expect(words(await buf(["-d", '{"text":"hi"}'], `${service}/Say`))).toEqual(["hi"]);
    expect(words(await buf(["-d", twice], `${service}/Collect`))).toEqual(["a b"]);
    const count = await buf(["-d", '{"text":"x","count":2}'], `${service}/Count`);
    expect(words(count)).toEqual(["x", "x"]);
    expect(words(await buf(["-d", twice], `${service}/Chat`))).toEqual(["a", "b"]);
  });

  test("calls a method whose types come from many files", async () => {
    const request = '{"taskId":"t1","attempt":1,"spec":{"image":"busybox"},"epoch":"7"}';
    expect(await buf(["-d", request], "/berth.v1.WorkerService/StartTask")).toBe("{}\n");
  });

  test("shows an error with its details", async () => {
    const shown = await buf(["-d", '{"count":-1}'], "/berth.testing.EchoService/Say");
    const error = JSON.parse(shown);
    expect(error).toMatchObject({
      code: "invalid_argument",
      message: "count: -1 is negative: use 0",
    });
    expect(error.details.map(({ type }: { type: string }) => type)).toEqual([
      "google.rpc.BadRequest",
      "google.rpc.ErrorInfo",
    ]);
  });

  test("says that an unknown method is none", async () => {
    const schema = ["--schema", "proto"];
    const shown = await buf([...schema, "-d", "{}"], "/berth.v1.RegistryService/ListWorkers");
    expect(JSON.parse(shown)).toMatchObject({ code: "unimplemented" });
  });
});
