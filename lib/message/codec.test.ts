import { deepStrictEqual } from "node:assert/strict";
import { isNativeError } from "node:util/types";
import {
  create,
  type DescFile,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  toBinary,
} from "@bufbuild/protobuf";
import { EmptySchema, FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { file_berth_v1_manager_service } from "../../gen/berth/v1/manager_service_pb.ts";
import { file_berth_v1_past } from "../../gen/berth/v1/past_pb.ts";
import { file_berth_v1_registry_service } from "../../gen/berth/v1/registry_service_pb.ts";
import { AttemptSchema, TaskSchema, TaskSpecSchema } from "../../gen/berth/v1/task_pb.ts";
import { file_berth_v1_worker_service } from "../../gen/berth/v1/worker_service_pb.ts";
import { file_etcdserverpb_rpc } from "../../gen/etcdserverpb/rpc_pb.ts";
import { file_google_rpc_status } from "../../gen/google/rpc/status_pb.ts";
import { file_health_v1_health } from "../../gen/health/v1/health_pb.ts";
import { SayRequestSchema } from "../rpc/testing/echo-pb.ts";
import { decodeMessage, encodeMessage } from "./codec.ts";
import { freeze } from "./frozen.ts";
import { isPlain } from "./plain-schema.ts";
import { anyMessage } from "./testing/any-message.ts";

const FILES = [
  file_berth_v1_manager_service,
  file_berth_v1_past,
  file_berth_v1_registry_service,
  file_berth_v1_worker_service,
  file_etcdserverpb_rpc,
  file_google_rpc_status,
  file_health_v1_health,
];

/** Files with all that they import, but for what describes protobuf itself. */
function withImports(files: readonly DescFile[], found = new Set<DescFile>()): Set<DescFile> {
  for (const file of files) {
    if (found.has(file) || file.proto.package === "google.protobuf") continue;
    withImports(file.dependencies, found.add(file));
  }
  return found;
}

const SCHEMAS: readonly [string, DescMessage][] = [...withImports(FILES)]
  .flatMap((file) => file.messages)
  .flatMap((schema) => [schema, ...schema.nestedMessages])
  .filter((schema) => !schema.proto.options?.mapEntry)
  .map((schema) => [schema.typeName, schema]);

const RUNS = { numRuns: 10 };

describe.each(SCHEMAS)("%s", (_name, schema) => {
  test("is read and written by code made for it", () => {
    expect(isPlain(schema)).toBe(true);
  });

  test("is written as the library writes it, and read as the library reads it", () => {
    fc.assert(
      fc.property(anyMessage(schema), (init) => {
        const bytes = toBinary(schema, create(schema, init));
        expect(Buffer.from(encodeMessage(schema, init))).toEqual(Buffer.from(bytes));
        deepStrictEqual(decodeMessage(schema, bytes), fromBinary(schema, bytes));
      }),
      RUNS,
    );
  });

  test("is merged from two as the library merges them", () => {
    fc.assert(
      fc.property(anyMessage(schema), anyMessage(schema), (a, b) => {
        const bytes = Buffer.concat([encodeMessage(schema, a), encodeMessage(schema, b)]);
        deepStrictEqual(decodeMessage(schema, bytes), fromBinary(schema, bytes));
      }),
      RUNS,
    );
  });

  test("is kept whole by whoever knows none of its fields", () => {
    fc.assert(
      fc.property(anyMessage(schema), (init) => {
        const bytes = encodeMessage(schema, init);
        const unknown = decodeMessage(EmptySchema, bytes);
        expect(unknown).toStrictEqual(fromBinary(EmptySchema, bytes));
        expect(encodeMessage(EmptySchema, unknown)).toEqual(bytes);
      }),
      RUNS,
    );
  });
});

const SPEC: MessageInitShape<typeof TaskSpecSchema> = {
  name: "web",
  image: "shop/web:1.4.2",
  env: { LOG: "info" },
  ports: [{ containerPort: 80, hostPort: 8080 }],
  reservation: { cpuMillis: 250n, memoryBytes: 1n << 40n },
};

function outcomeOf<T>(read: () => T): T | "refused" {
  try {
    return read();
  } catch (error) {
    expect(isNativeError(error)).toBe(true);
    return "refused";
  }
}

test("bytes that end too early are refused where the library refuses them", () => {
  const bytes = encodeMessage(TaskSchema, { id: "t1", spec: SPEC, attempt: { number: 1 } });
  for (let length = 0; length < bytes.length; length++) {
    const part = bytes.subarray(0, length);
    const expected = outcomeOf(() => fromBinary(TaskSchema, part));
    expect(outcomeOf(() => decodeMessage(TaskSchema, part))).toStrictEqual(expected);
  }
});

test("bytes that are no message are refused, or are one that can be written", () => {
  const bytes = encodeMessage(TaskSchema, { id: "t1", spec: SPEC, attempt: { number: 1 } });
  const change = fc.tuple(fc.nat(bytes.length - 1), fc.nat(255));
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
      const broken = Uint8Array.from(bytes);
      for (const [at, byte] of changes) broken[at] = byte;
      const message = outcomeOf(() => decodeMessage(TaskSchema, broken));
      if (message === "refused") return;
      const again = encodeMessage(TaskSchema, message);
      expect(decodeMessage(TaskSchema, again)).toStrictEqual(message);
    }),
    { numRuns: 2_000 },
  );
});

test("a field within a message must not reach beyond it", () => {
  const [attempt, reason] = [TaskSchema.field.attempt, AttemptSchema.field.leaveReason];
  const tag = ({ number }: Readonly<{ number: number }>) => (number << 3) | 2;
  // An attempt of two bytes, in which a reason is said to have nine.
  const text = Array<number>(9).fill(0x61);
  const bytes = Uint8Array.of(tag(attempt), 2, tag(reason), text.length, ...text);
  expect(() => decodeMessage(TaskSchema, bytes)).toThrow("beyond the end of its message");
});

test("a field of a type that the schema does not say is kept as unknown", () => {
  // Field 1, an ID, as a number.
  const message = decodeMessage(TaskSchema, Uint8Array.of(0x08, 7));
  expect(message.id).toBe("");
  expect(message.$unknown).toEqual([{ no: 1, wireType: 0, data: Uint8Array.of(7) }]);
});

describe("a message of a frozen kind", () => {
  const read = (spec: MessageInitShape<typeof TaskSpecSchema>) =>
    decodeMessage(TaskSchema, encodeMessage(TaskSchema, { spec })).spec;

  test("is one object for all that came as the same bytes", () => {
    expect(read(SPEC)).toBe(read({ ...SPEC }));
    expect(read({ ...SPEC, name: "other" })).not.toBe(read(SPEC));
    expect(read(SPEC)).toEqual(create(TaskSpecSchema, SPEC));
  });

  test("cannot be changed, nor can its parts", () => {
    const spec = read(SPEC);
    expect(() => spec?.ports.push()).toThrow(TypeError);
    expect(() => Object.assign(spec?.env ?? {}, { LOG: "debug" })).toThrow(TypeError);
  });

  test("is written as it is now unless it is frozen", () => {
    const spec = create(TaskSpecSchema, SPEC);
    encodeMessage(TaskSchema, { spec });
    spec.name = "other";
    const bytes = encodeMessage(TaskSchema, { spec: freeze(spec) });
    expect(fromBinary(TaskSchema, bytes).spec?.name).toBe("other");
    expect(encodeMessage(TaskSchema, { spec })).toEqual(bytes);
  });

  test("is read and written however large it is", () => {
    const spec = read({ ...SPEC, args: ["x".repeat(10_000)] });
    expect(read(spec ?? {})).toEqual(spec);
  });
});

test("what cannot be written leaves nothing behind", () => {
  const bad = { maxPerWorker: -1, name: "x".repeat(300) };
  expect(() => encodeMessage(TaskSpecSchema, bad)).toThrow("invalid uint32");
  expect(encodeMessage(TaskSpecSchema, SPEC)).toEqual(
    toBinary(TaskSpecSchema, create(TaskSpecSchema, SPEC)),
  );
});

test.each<[string, DescMessage, MessageInitShape<DescMessage>]>([
  ["of proto2", FileDescriptorProtoSchema, { name: "a.proto", dependency: ["b.proto"] }],
  ["that holds its own kind", SayRequestSchema, { parts: [{ text: "a" }] }],
])("a message %s falls to the library", (_what, schema, init) => {
  expect(isPlain(schema)).toBe(false);
  const bytes = encodeMessage(schema, init as never);
  expect(decodeMessage(schema, bytes)).toEqual(create(schema, init as never));
});
