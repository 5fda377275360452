import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { Code, ConnectError, createRouterTransport } from "@connectrpc/connect";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { BadRequestSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { createClient } from "./client.ts";
import { EchoService, Mood, type SayRequest, SayRequestSchema } from "./testing/echo-pb.ts";
import { refuseUnknown, refuseUnknownFields } from "./unknown-fields.ts";

const request = (init: MessageInitShape<typeof SayRequestSchema>) => create(SayRequestSchema, init);

/** A request as a newer caller would send it: with a field 99 that this server does not know. */
const fromTheFuture = (): SayRequest => {
  const extra = new BinaryWriter().tag(99, WireType.LengthDelimited).string("new").finish();
  return fromBinary(
    SayRequestSchema,
    Buffer.concat([toBinary(SayRequestSchema, request({ text: "x" })), extra]),
  );
};

const unknownMood = 77 as Mood;

function violationsOf(message: SayRequest): string[] {
  try {
    refuseUnknown(SayRequestSchema, message);
    return [];
  } catch (error) {
    return ConnectError.from(error)
      .findDetails(BadRequestSchema)
      .flatMap(({ fieldViolations }) => fieldViolations.map(({ field }) => field));
  }
}

describe("a request with something unknown is refused, naming where", () => {
  test.each<[string, MessageInitShape<typeof SayRequestSchema>, string]>([
    ["in a field", { mood: unknownMood }, "mood"],
    ["in a list of enums", { moods: [Mood.CALM, unknownMood] }, "moods[1]"],
    ["in a map of enums", { namedMoods: { a: unknownMood } }, 'named_moods["a"]'],
    ["in a list", { parts: [{}, { mood: unknownMood }] }, "parts[1].mood"],
    ["in a map", { namedParts: { a: fromTheFuture() } }, 'named_parts["a"].99'],
    ["in a choice", { extra: { case: "extraMood", value: unknownMood } }, "extra_mood"],
    [
      "in a message of a choice",
      { extra: { case: "extraPart", value: fromTheFuture() } },
      "extra_part.99",
    ],
    [
      "deep down",
      { parts: [{ parts: [{ parts: [fromTheFuture()] }] }] },
      "parts[0].parts[0].parts[0].99",
    ],
  ])("%s", (_name, init, field) => {
    expect(violationsOf(request(init))).toEqual([field]);
  });
});

test("the message tells the number and the remedy", () => {
  expect(() => refuseUnknown(SayRequestSchema, fromTheFuture())).toThrow(
    "99: field number 99 of berth.testing.SayRequest is unknown here: upgrade the server or drop the field",
  );
});

test("no more than twenty violations are reported", () => {
  const moods = Array.from({ length: 500 }, () => unknownMood);
  expect(violationsOf(request({ moods }))).toHaveLength(20);
});

const mood = fc.constantFrom(Mood.UNSPECIFIED, Mood.CALM);

/** Requests nested up to `depth` levels. */
const known = (depth: number): fc.Arbitrary<SayRequest> => {
  const nested = depth === 0 ? [] : [known(depth - 1)];
  return fc
    .record({
      mood,
      moods: fc.array(mood),
      parts: fc.tuple(...nested),
      namedParts: fc.tuple(fc.string(), ...nested),
    })
    .map(({ namedParts: [name, part], ...rest }) =>
      request({ ...rest, ...(part ? { namedParts: { [name]: part } } : {}) }),
    );
};

test("a request of this version's own making always passes", () => {
  fc.assert(
    fc.property(known(2), (message) => violationsOf(message).length === 0),
    { seed: 1 },
  );
});

describe("as an interceptor", () => {
  const transport = createRouterTransport(
    ({ service }) =>
      void service(EchoService, {
        say: ({ text }) => ({ text }),
        async collect(requests) {
          for await (const _ of requests);
          return {};
        },
      }),
    { router: { interceptors: [refuseUnknownFields] } },
  );
  const client = createClient(EchoService, transport);

  test("it passes what is known and refuses the rest, also in a stream", async () => {
    expect((await client.say({ text: "hi", mood: Mood.CALM })).text).toBe("hi");
    const refusal = { code: Code.InvalidArgument };
    await expect(client.say(fromTheFuture())).rejects.toMatchObject(refusal);
    const stream = (async function* () {
      yield request({});
      yield fromTheFuture();
    })();
    await expect(client.collect(stream)).rejects.toMatchObject(refusal);
  });
});
