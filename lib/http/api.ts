import type { IncomingMessage, ServerResponse } from "node:http";
import { Code, ConnectError } from "@connectrpc/connect";
import { reasonOf } from "../errors.ts";
import type { Serving } from "../rpc/serving.ts";
import { makeCall } from "./call.ts";
import { type Endpoint, endpointOf, requestOf } from "./endpoint.ts";
import { RefusedError } from "./failure.ts";
import { openApiOf } from "./openapi.ts";
import { pages } from "./page.ts";
import { failureReply, jsonReply, type Reply, sendReply } from "./reply.ts";
import { createBodyReader, refuseBody } from "./request-body.ts";
import { type HttpApi, hasBody } from "./route.ts";
import { createRouter } from "./router.ts";

/** Answers plain HTTP: routes, their document, and a page to try them. */
export interface HttpSide {
  knows(path: string): boolean;
  /** Never rejects. What it does not know is 404. */
  answer(request: IncomingMessage, response: ServerResponse): Promise<void>;
}

type Target =
  | Readonly<{ kind: "endpoint"; endpoint: Endpoint }>
  | Readonly<{ kind: "page"; page: () => Promise<Reply> | Reply }>;

export function createHttpSide(serving: Serving, api: HttpApi): HttpSide {
  const endpoints = api.routes.map((route) => endpointOf(route, serving));
  const router = createRouter<Target>([
    ...endpoints.map((endpoint) => ({
      ...endpoint.route,
      target: { kind: "endpoint" as const, endpoint },
    })),
    ...pageTargets(endpoints, api),
  ]);
  const readBody = createBodyReader(serving.limits);

  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { path, search } = split(request.url ?? "");
    if (request.method === "OPTIONS" && router.knows(path)) {
      const headers = { allow: router.allowed(path) };
      return sendReply(response, { status: 204, type: "", text: "", headers });
    }
    const { target, texts } = router.find(request.method ?? "", path);
    if (target.kind === "page") return sendReply(response, await target.page());
    const { endpoint } = target;
    refuseOtherOrigins(request, serving);
    const body = hasBody(endpoint.route) ? await readBody(request) : refuseBody(request);
    const message = requestOf(endpoint, { texts, search, body: body ?? "" });
    await makeCall(endpoint, message, { serving, request, response });
  }

  return {
    knows: router.knows,
    async answer(request, response) {
      try {
        await respond(request, response);
      } catch (error) {
        refuse({ request, response }, error, serving);
      }
    },
  };
}

function pageTargets(endpoints: readonly Endpoint[], api: HttpApi) {
  let document: Promise<unknown> | undefined;
  const openApi = async () => {
    document ??= api.comments().then((comments) => openApiOf(endpoints, api, comments));
    return jsonReply(200, await document);
  };
  const all = [...pages, { path: "/openapi.json", page: openApi }];
  return all.map(({ path, page }) => ({
    verb: "GET",
    path,
    target: { kind: "page" as const, page },
  }));
}

function split(url: string): Readonly<{ path: string; search: string }> {
  const at = url.indexOf("?");
  return at < 0 ? { path: url, search: "" } : { path: url.slice(0, at), search: url.slice(at + 1) };
}

/** A browser sends such requests for any page that its user visits. What it may read it does not tell. */
function refuseOtherOrigins({ method, headers }: IncomingMessage, { cors }: Serving): void {
  const { origin, host } = headers;
  if (method === "GET" || method === "HEAD" || origin === undefined || cors.allows(origin)) return;
  if (origin.replace(/^https?:\/\//, "") !== host)
    throw new RefusedError("CROSS_ORIGIN", "pages of other origins may not make changes here");
}

type Exchange = Readonly<{ request: IncomingMessage; response: ServerResponse }>;

/** The rest of a request that was not read is thrown away, and its connection not used again. */
function refuse({ request, response }: Exchange, error: unknown, { log }: Serving): void {
  if (response.headersSent || response.destroyed) {
    log.debug({ err: error, url: request.url }, "http answer broke off");
    response.destroy();
    return;
  }
  if (!request.complete) {
    response.setHeader("connection", "close");
    request.resume();
  }
  const reply = failureReply(error);
  const { method, url } = request;
  log.debug({ method, url, status: reply.status, ...whyIn(error) }, "http request refused");
  sendReply(response, reply);
}

/** What is malformed may be a secret, which its sender is told and the log is not. */
const whyIn = (error: unknown): object =>
  error instanceof ConnectError && error.code === Code.InvalidArgument
    ? { reason: reasonOf(error) }
    : { err: error };
