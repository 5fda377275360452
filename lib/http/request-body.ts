import type { IncomingMessage } from "node:http";
import { invalidFields } from "../errors.ts";
import type { RpcLimits } from "../rpc/limits.ts";
import { RefusedError } from "./failure.ts";

const JSON_TYPE = /^application\/json\s*(?:;\s*charset="?utf-8"?\s*)?$/i;

/** Reads the bodies of requests, one at a time or many. */
export type BodyReader = (request: IncomingMessage) => Promise<string>;

/** What is read at once by all together is limited, too. Throws a `RefusedError`. */
export function createBodyReader(limits: RpcLimits): BodyReader {
  let heldBytes = 0;

  function hold(size: number, chunk: Buffer): void {
    heldBytes += chunk.length;
    if (size > limits.httpBodyBytes) throw tooLarge(limits.httpBodyBytes);
    if (heldBytes > limits.httpBodiesBytes)
      throw new RefusedError("BODIES_TOO_LARGE", "too much is being sent at once: try again soon", {
        "retry-after": "1",
      });
  }

  return async function readBody(request) {
    if (!hasBody(request)) return "{}";
    refuseOtherTypes(request);
    const length = Number(request.headers["content-length"] ?? 0);
    if (length > limits.httpBodyBytes) throw tooLarge(limits.httpBodyBytes);
    const chunks: Buffer[] = [];
    let size = 0;
    try {
      for await (const chunk of request.iterator({ destroyOnReturn: false })) {
        size += chunk.length;
        chunks.push(chunk);
        hold(size, chunk);
      }
      return textOf(Buffer.concat(chunks));
    } finally {
      heldBytes -= size;
    }
  };
}

/** Throws a `RefusedError`: what is not read would be ignored. */
export function refuseBody(request: IncomingMessage): void {
  if (hasBody(request))
    throw new RefusedError(
      "BODY_NOT_EXPECTED",
      `${request.method} takes no body: what it asks for goes into the path and the query`,
    );
}

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;

function refuseOtherTypes({ headers }: IncomingMessage): void {
  const type = headers["content-type"] ?? "";
  const encoding = headers["content-encoding"] ?? "identity";
  const remedy = "send JSON as content-type: application/json, in UTF-8 and not compressed";
  if (!JSON_TYPE.test(type))
    throw new RefusedError("BODY_NOT_JSON", `the body is ${JSON.stringify(type)}: ${remedy}`);
  if (encoding !== "identity")
    throw new RefusedError("BODY_NOT_JSON", `the body is ${JSON.stringify(encoding)}: ${remedy}`);
}

const tooLarge = (limit: number) =>
  new RefusedError("BODY_TOO_LARGE", `the body is over the limit of ${limit} bytes: send less`);

function textOf(bytes: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw invalidFields([{ field: "body", description: "is not UTF-8: send it so" }]);
  }
}
