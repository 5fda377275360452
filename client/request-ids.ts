import type { DescMessage, DescMethod } from "@bufbuild/protobuf";
import type { Random } from "../lib/random.ts";

type Init = Readonly<Record<string, unknown>>;

/** What a method takes, with a request ID wherever there could be one: so it is safe to repeat. */
export function withRequestIds<T extends object>(method: DescMethod, input: T, random: Random): T {
  return identified(method.input, input as Init, random) as T;
}

function identified(desc: DescMessage, input: Init, random: Random): Init {
  const { requestId, requests } = desc.field;
  if (requestId) return input["requestId"] ? input : { ...input, requestId: newId(random) };
  const entries = input["requests"];
  if (requests?.fieldKind !== "list" || requests.listKind !== "message" || !Array.isArray(entries))
    return input;
  const { message } = requests;
  return { ...input, requests: entries.map((entry: Init) => identified(message, entry, random)) };
}

const WORDS = [0, 1, 2, 3];

/** 128 random bits. */
const newId = (random: Random): string =>
  WORDS.map(() =>
    Math.floor(random() * 2 ** 32)
      .toString(16)
      .padStart(8, "0"),
  ).join("");
