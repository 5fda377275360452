import { fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { Code, createRouterTransport } from "@connectrpc/connect";
import { describe, expect, test } from "@jest/globals";
import { ManagerService } from "../../gen/berth/v1/manager_service_pb.ts";
import {
  ServerReflection,
  type ServerReflectionRequest,
  type ServerReflectionResponse,
} from "../../gen/grpc/reflection/v1/reflection_pb.ts";
import { createClient } from "./client.ts";
import { createDescriptorIndex } from "./descriptor-index.ts";
import { reflectionMounts } from "./reflection.ts";
import { EchoService } from "./testing/echo-pb.ts";

type Question = Partial<Pick<ServerReflectionRequest, "messageRequest">>;

async function ask(
  ...questions: Question[]
): Promise<ServerReflectionResponse["messageResponse"][]> {
  const [mount] = reflectionMounts([EchoService, ManagerService]);
  const transport = createRouterTransport((router) => {
    for (const { method, impl } of Object.values(mount?.methods ?? {})) {
      router.rpc(method, impl as never);
    }
  });
  const answers = createClient(ServerReflection, transport).serverReflectionInfo(
    (async function* () {
      yield* questions;
    })(),
  );
  const list: ServerReflectionResponse["messageResponse"][] = [];
  for await (const { messageResponse } of answers) list.push(messageResponse);
  return list;
}

const symbol = (value: string): Question => ({
  messageRequest: { case: "fileContainingSymbol", value },
});

const filesIn = (answer: ServerReflectionResponse["messageResponse"] | undefined) =>
  answer?.case === "fileDescriptorResponse"
    ? answer.value.fileDescriptorProto.map(
        (bytes) => fromBinary(FileDescriptorProtoSchema, bytes).name,
      )
    : answer?.case;

test("a file comes with everything it imports, each once", async () => {
  const [answer] = await ask(symbol("berth.v1.ManagerService"));
  const names = filesIn(answer) as string[];
  expect(names[0]).toBe("berth/v1/manager_service.proto");
  expect(names).toContain("google/protobuf/timestamp.proto");
  expect(new Set(names).size).toBe(names.length);
});

test.each(["google.rpc.BadRequest", "google.rpc.ErrorInfo", "google.rpc.RetryInfo"])(
  "%s, which errors carry, is described",
  async (name) => {
    const [answer] = await ask(symbol(name));
    expect(filesIn(answer)).toContain("google/rpc/error_details.proto");
  },
);

test("what a stream was sent before is not sent again, but for the file asked for", async () => {
  const question = symbol("berth.v1.ManagerService");
  const [, again] = await ask(question, question);
  expect(filesIn(again)).toEqual(["berth/v1/manager_service.proto"]);
});

test.each([
  "berth.testing.EchoService",
  "berth.testing.EchoService.Say",
  "berth.testing.SayRequest",
  ".berth.testing.SayRequest",
  "berth.testing.SayRequest.text",
  "berth.testing.SayRequest.extra_part",
  "berth.testing.Mood",
  "berth.testing.MOOD_CALM",
])("%s is found", async (name) => {
  expect(filesIn((await ask(symbol(name)))[0])).toEqual(["echo.proto"]);
});

describe("what is not served is NOT_FOUND", () => {
  test.each<[string, Question]>([
    ["a symbol", symbol("berth.testing.Nothing")],
    ["a file", { messageRequest: { case: "fileByFilename", value: "nothing.proto" } }],
    ["a type", { messageRequest: { case: "allExtensionNumbersOfType", value: "a.Nothing" } }],
  ])("%s", async (_what, question) => {
    const [answer] = await ask(question);
    expect(answer?.case === "errorResponse" && answer.value.errorCode).toBe(Code.NotFound);
  });
});

test("a question without content is refused and the stream goes on", async () => {
  const list: Question = { messageRequest: { case: "listServices", value: "" } };
  const answers = await ask({}, list);
  expect(answers.map((answer) => answer.case)).toEqual(["errorResponse", "listServicesResponse"]);
});

test("a type without extensions has none", () => {
  const index = createDescriptorIndex([EchoService.file]);
  expect(index.extensionNumbers("berth.testing.SayRequest")).toEqual([]);
  expect(index.fileExtending("berth.testing.SayRequest", 1)).toBeUndefined();
});
