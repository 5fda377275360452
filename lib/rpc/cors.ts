import type { IncomingMessage, ServerResponse } from "node:http";
import { cors } from "@connectrpc/connect";

/** What pages of other origins may do. Without origins: nothing, as browsers have it. */
export interface Cors {
  /** Whether a page of another origin may call here. */
  allows(origin: string): boolean;
  /** Tells the browser what the page may read. True when it only asked, and has its answer. */
  answer(request: IncomingMessage, response: ServerResponse): boolean;
}

/** How long a browser may remember what it was told: as long as the strictest of them do. */
const REMEMBERED_SECONDS = 7_200;

const METHODS = [...new Set([...cors.allowedMethods, "GET", "HEAD", "DELETE", "PATCH"])].join(", ");
const REQUEST_HEADERS = [...cors.allowedHeaders, "accept"].join(", ");
const ANSWER_HEADERS = [
  ...cors.exposedHeaders,
  "retry-after",
  "berth-revision",
  "berth-stale-ms",
].join(", ");

export function createCors(origins: readonly string[]): Cors {
  const allowed: ReadonlySet<string> = new Set(origins);

  function answer(request: IncomingMessage, response: ServerResponse): boolean {
    const { origin } = request.headers;
    if (allowed.size > 0) response.setHeader("vary", "origin");
    if (origin === undefined || !allowed.has(origin)) return false;
    response.setHeader("access-control-allow-origin", origin);
    response.setHeader("access-control-expose-headers", ANSWER_HEADERS);
    if (request.method !== "OPTIONS" || !request.headers["access-control-request-method"])
      return false;
    response.writeHead(204, {
      "access-control-allow-methods": METHODS,
      "access-control-allow-headers": REQUEST_HEADERS,
      "access-control-max-age": String(REMEMBERED_SECONDS),
    });
    response.end();
    return true;
  }

  return { allows: (origin) => allowed.has(origin), answer };
}
