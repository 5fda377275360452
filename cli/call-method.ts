import type { DescMethod, Message } from "@bufbuild/protobuf";
import type { Transport } from "@connectrpc/connect";
import { assert } from "../lib/assert.ts";
import { createClient } from "../lib/rpc/client.ts";

type Options = Readonly<{ signal: AbortSignal; timeoutMs?: number | undefined }>;
type Answer = Promise<Message> | AsyncIterable<Message>;
type Calls = Readonly<Record<string, ((request: Message, options: Options) => Answer) | undefined>>;

/** Every answer to a call of a method that is known by its descriptor only. */
export async function* callMethod(
  transport: Transport,
  method: DescMethod,
  { request, ...options }: Options & Readonly<{ request: Message }>,
): AsyncGenerator<Message, void, undefined> {
  const client = createClient(method.parent, transport) as unknown as Calls;
  const call = client[method.localName];
  assert(call, `a client has ${method.name}`);
  const answer = call(request, options);
  if (Symbol.asyncIterator in answer) yield* answer;
  else yield await answer;
}
