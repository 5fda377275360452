import { type IncomingMessage, request } from "node:http";
import { isIP } from "node:net";
import { formatHostPort } from "../host-port.ts";
import { type CheckResult, errorText, failed, passed, wordsOf } from "./check-result.ts";

/** What is asked over HTTP/1.1, and which answers are good. */
export type HttpQuestion = Readonly<{
  /** An IP address: names are not resolved. */
  host: string;
  port: number;
  path: string;
  statuses: readonly number[];
}>;

/** The most of a body that is read. What follows is left unread. */
export const BODY_BYTES_MAX = 64 * 1024;

/** The most bytes of an answer's headers. */
const HEADER_BYTES_MAX = 16 * 1024;

/**
 * Sends one GET on a connection of its own, straight to the address: no proxy, and a redirect is
 * an answer like any other. Never rejects; settles soon after `signal` aborts.
 */
export function httpCheck(question: HttpQuestion, signal: AbortSignal): Promise<CheckResult> {
  const { host, port, path, statuses } = question;
  if (isIP(host) === 0) return Promise.resolve(failed(`${JSON.stringify(host)} is no IP address`));
  return new Promise((resolve) => {
    const call = request({
      host,
      port,
      path,
      agent: false,
      signal,
      maxHeaderSize: HEADER_BYTES_MAX,
      headers: { host: formatHostPort({ host, port }), "user-agent": "berth-probe", accept: "*/*" },
    });
    const finish = (result: CheckResult) => {
      resolve(result);
      call.destroy();
    };
    call.on("error", (error) => finish(failed(errorText(error, signal))));
    call.on("response", (response) => {
      void judge(response, statuses, signal).then(finish);
    });
    call.end();
  });
}

/** The body belongs to the answer: one that breaks off within the limit is no success. */
async function judge(
  response: IncomingMessage,
  statuses: readonly number[],
  signal: AbortSignal,
): Promise<CheckResult> {
  const { statusCode = 0 } = response;
  try {
    const body = await readBody(response);
    if (statuses.includes(statusCode)) return passed;
    const words = wordsOf(body);
    return failed(`HTTP status ${statusCode}${words === "" ? "" : `: ${words}`}`);
  } catch (error) {
    return failed(`HTTP status ${statusCode}, then ${errorText(error, signal)}`);
  }
}

async function readBody(response: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let byteCount = 0;
  for await (const part of response) {
    parts.push(part);
    byteCount += part.length;
    if (byteCount >= BODY_BYTES_MAX) break;
  }
  return Buffer.concat(parts).subarray(0, BODY_BYTES_MAX).toString("utf8");
}
