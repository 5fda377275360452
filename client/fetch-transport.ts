import { Code, ConnectError, type StreamResponse, type Transport } from "@connectrpc/connect";
import type { UniversalClientFn } from "@connectrpc/connect/protocol";
import { createTransport } from "@connectrpc/connect/protocol-connect";
import { unavailable } from "../lib/errors.ts";
import { defaultLimits } from "../lib/rpc/limits.ts";

type Options = Readonly<{ baseUrl: string; fetch: typeof fetch }>;

/** Connect's protocol over HTTP/1.1 by `fetch`, which Node and browsers have. */
export function createFetchTransport({ baseUrl, fetch }: Options): Transport {
  const transport = createTransport({
    httpClient: createHttpClient(fetch),
    baseUrl,
    useBinaryFormat: true,
    interceptors: [],
    acceptCompression: [],
    sendCompression: null,
    compressMinBytes: defaultLimits.messageBytes,
    readMaxBytes: defaultLimits.messageBytes,
    writeMaxBytes: defaultLimits.messageBytes,
  });
  return {
    unary: transport.unary,
    async stream(method, ...rest) {
      if (method.methodKind !== "server_streaming") throw needsGrpc(method.name);
      return whole(await transport.stream(method, ...rest));
    },
  };
}

const needsGrpc = (name: string) =>
  new ConnectError(
    `${name} is a conversation, which HTTP/1.1 cannot hold: use gRPC, or \`berth exec\``,
    Code.Unimplemented,
  );

function createHttpClient(doFetch: typeof fetch): UniversalClientFn {
  return async ({ url, method, header, body, signal }) => {
    // A page may not set it, and would need leave of another origin to try.
    header.delete("user-agent");
    const sent = body && (await bytesOf(body));
    const answer = await doFetch(url, {
      method,
      headers: header,
      ...(sent && { body: sent }),
      ...(signal && { signal }),
    }).catch((error: unknown) => {
      throw signal?.aborted ? error : unreached(url, error);
    });
    const answered = new Headers(answer.headers);
    // `fetch` has decoded it: these tell of what was on the wire.
    answered.delete("content-encoding");
    answered.delete("content-length");
    return {
      status: answer.status,
      header: answered,
      body: chunksOf(answer, signal),
      trailer: new Headers(),
    };
  };
}

async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array<ArrayBuffer>> {
  const all: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    all.push(chunk);
    length += chunk.length;
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of all) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

async function* chunksOf({ body }: Response, signal: AbortSignal | undefined) {
  const reader = body?.getReader();
  if (!reader) return;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } catch (error) {
    throw signal?.aborted ? error : unavailable("CUT_OFF", CUT_OFF, { cause: error });
  } finally {
    // Whoever leaves early ends the call. What it still fails with interests nobody.
    reader.cancel().catch(() => undefined);
  }
}

const CUT_OFF = "the connection broke before the end of the answer";

/** What Node says when a request certainly did not leave. A browser keeps that to itself. */
const NOT_SENT = new Set([
  "ECONNREFUSED",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
  "UND_ERR_CONNECT_TIMEOUT",
]);

function unreached(url: string, cause: unknown): ConnectError {
  const code = codeOf(cause);
  const { origin } = new URL(url);
  return code !== undefined && NOT_SENT.has(code)
    ? unavailable("NOT_CONNECTED", `no connection to ${origin}: ${code}`, { cause })
    : unavailable("CUT_OFF", `no answer from ${origin}: ${code ?? String(cause)}`, { cause });
}

/** Not by `instanceof`: where there are several realms, an error may be of another one. */
function codeOf(error: unknown): string | undefined {
  const code = memberOf(memberOf(error, "cause"), "code");
  return typeof code === "string" ? code : undefined;
}

const memberOf = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null
    ? (value as Readonly<Record<string, unknown>>)[name]
    : undefined;

/** Connect calls it the caller's mistake when an answer ends in its middle. */
function whole<R extends StreamResponse>(response: R): R {
  async function* message() {
    try {
      yield* response.message;
    } catch (error) {
      const { rawMessage } = ConnectError.from(error);
      if (!rawMessage.includes("missing EndStreamResponse")) throw error;
      throw unavailable("CUT_OFF", CUT_OFF, { cause: error });
    }
  }
  return { ...response, message: message() };
}
