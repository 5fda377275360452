import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { type ConnectRouterOptions, createConnectRouter } from "@connectrpc/connect";
import type { UniversalHandler } from "@connectrpc/connect/protocol";
import {
  compressionBrotli,
  compressionGzip,
  universalRequestFromNodeRequest,
  universalResponseToNodeResponse,
} from "@connectrpc/connect-node";
import { createHttpSide } from "../http/api.ts";
import type { HttpApi } from "../http/route.ts";
import { REQUEST_ID, validRequestId } from "./call-tags.ts";
import type { RpcLimits } from "./limits.ts";
import { valuesFor } from "./peer.ts";
import type { Serving } from "./serving.ts";

export type Page = (request: IncomingMessage, response: ServerResponse) => void;

/** The HTTP/1.1 side of a server: Connect, gRPC-Web, JSON, and pages. */
export interface Http1 {
  accept(socket: Socket): void;
  /** Lets what is under way finish; no connection is kept for another request. */
  drain(): void;
  /** Ends every connection. */
  close(): void;
}

/** The largest delay a Node timer holds; Connect would take a longer timeout for none at all. */
const TIMEOUT_MS_MAX = 2 ** 31 - 1;

/** How often Node looks for requests that take too long. */
const CHECK_MS_MAX = 1_000;

/** What is answered beside calls. */
type Beside = Readonly<{
  /** By path. They answer GET, and HEAD by the same without a body. */
  pages?: ReadonlyMap<string, Page> | undefined;
  api?: HttpApi | undefined;
  fallback?: Page | undefined;
}>;

export function createHttp1(serving: Serving, { pages, api, fallback }: Beside = {}): Http1 {
  const { limits, draining, cors } = serving;
  const side = api && createHttpSide(serving, api);
  const page = fallback ?? (side ? side.answer : notFound);
  const pageAt = (path: string, request: IncomingMessage): Page => {
    const own = isRead(request) ? pages?.get(path) : undefined;
    return own ?? (side?.knows(path) ? side.answer : page);
  };
  const handlers = new Map(handlersOf(serving).map((each) => [each.requestPath, each]));
  const timeouts = {
    headersTimeout: limits.httpHeadersMs,
    requestTimeout: limits.httpRequestMs,
    keepAliveTimeout: limits.httpIdleMs,
    connectionsCheckingInterval: Math.min(limits.httpHeadersMs, CHECK_MS_MAX),
  };
  const server = createServer(timeouts, (request, response) => {
    if (draining.aborted) response.setHeader("connection", "close");
    nameAnswer(request, response);
    response.on("error", (err) => serving.log.debug({ err }, "http answer broke off"));
    response.once("close", () => draining.aborted && server.closeIdleConnections());
    if (cors.answer(request, response)) return;
    const path = request.url?.split("?", 1)[0] ?? "";
    const handler = handlers.get(path);
    if (handler) serveRpc(handler, request, response, serving);
    else servePage(pageAt(path, request), request, response, serving);
  });
  // Never listens itself, so it has to be told to start watching for slow requests.
  server.emit("listening");

  return {
    accept: (socket) => void server.emit("connection", socket),
    // Stops the watch for slow requests too: the grace period bounds them from here on.
    drain: () => void server.close(),
    close: () => server.closeAllConnections(),
  };
}

function handlersOf({ services, limits, draining }: Serving): UniversalHandler[] {
  const router = createConnectRouter();
  for (const { mount, interceptors } of services) {
    for (const { method, impl, kind } of Object.values(mount.methods)) {
      const options = { ...optionsFor(limits), interceptors };
      const ends = kind === "unary" ? {} : { shutdownSignal: draining };
      router.rpc(method, impl as never, { ...options, ...ends });
    }
  }
  return [...router.handlers];
}

const optionsFor = (limits: RpcLimits): ConnectRouterOptions => ({
  grpc: false,
  acceptCompression: [compressionGzip, compressionBrotli],
  jsonOptions: { ignoreUnknownFields: false },
  readMaxBytes: limits.messageBytes,
  writeMaxBytes: limits.messageBytes,
  maxTimeoutMs: TIMEOUT_MS_MAX,
});

function serveRpc(
  handler: UniversalHandler,
  request: IncomingMessage,
  response: ServerResponse,
  { limits, log }: Serving,
): void {
  if (handler.method.methodKind === "unary") setDefaultTimeout(request, limits.unaryMs);
  answerRpc(handler, request, response).catch((err: unknown) => {
    log.debug({ err, method: handler.requestPath }, "http answer broke off");
    if (response.headersSent) response.destroy();
    else response.writeHead(400, { connection: "close" }).end();
  });
}

/** Also what is refused before it is a call comes back under its caller's name for it. */
function nameAnswer({ headers }: IncomingMessage, response: ServerResponse): void {
  const requestId = validRequestId(headers[REQUEST_ID]);
  if (requestId !== undefined) response.setHeader(REQUEST_ID, requestId);
}

const isRead = ({ method }: IncomingMessage): boolean => method === "GET" || method === "HEAD";

function servePage(
  page: Page,
  request: IncomingMessage,
  response: ServerResponse,
  { log }: Serving,
): void {
  try {
    page(request, response);
  } catch (err) {
    log.error({ err, url: request.url }, "page failed");
    if (response.headersSent) response.destroy();
    else response.writeHead(500, { connection: "close" }).end();
  }
}

/** Rejects when the request names no valid host, or when the caller leaves. */
async function answerRpc(
  handler: UniversalHandler,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { remoteAddress, remotePort } = request.socket;
  const values = valuesFor(`${remoteAddress}:${remotePort}`);
  const asked = universalRequestFromNodeRequest(request, response, undefined, values);
  await universalResponseToNodeResponse(await handler(asked), response);
}

/** As if the caller had asked for it: in Connect's words, and in those of gRPC-Web. */
function setDefaultTimeout({ headers }: IncomingMessage, timeoutMs: number): void {
  headers["connect-timeout-ms"] ??= String(timeoutMs);
  headers["grpc-timeout"] ??= `${timeoutMs}m`;
}

function notFound(request: IncomingMessage, response: ServerResponse): void {
  const message = `no page ${request.url}: calls are POST /package.Service/Method`;
  response.writeHead(404, { "content-type": "application/json" });
  response.end(JSON.stringify({ code: "not_found", message }));
}
