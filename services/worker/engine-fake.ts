import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What a fake engine was asked. */
export type Asked = Readonly<{ method: string; url: URL; body: string }>;

/** Answers a request, or does not: that is what it is for. */
export type Answer = (asked: Asked, response: ServerResponse) => void;

/** An engine on a socket of its own that answers as it is told. For tests. */
export interface FakeEngine {
  readonly socketPath: string;
  /** Every request so far. */
  readonly asked: readonly Asked[];
  /** Resolves once there have been `count` requests whose method and path match. */
  hasBeenAsked(pattern: RegExp, count?: number): Promise<void>;
  /** How many connections are open. */
  connectionCount(): Promise<number>;
  stop(): Promise<void>;
}

export async function startFakeEngine(answer: Answer): Promise<FakeEngine> {
  const folder = await mkdtemp(join(tmpdir(), "berth-engine-"));
  const asked: Asked[] = [];
  const watchers = new Set<() => void>();
  const server = createServer((request, response) => {
    void readBody(request).then((body) => {
      const url = new URL(request.url ?? "/", "http://engine");
      const one = { method: request.method ?? "", url, body };
      asked.push(one);
      answer(one, response);
      for (const watcher of watchers) watcher();
    });
  });
  const socketPath = join(folder, "engine.sock");
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));

  return {
    socketPath,
    asked,
    hasBeenAsked: (pattern, count = 1) =>
      new Promise((resolve) => {
        const check = () => {
          if (asked.filter((each) => pattern.test(titleOf(each))).length < count) return;
          watchers.delete(check);
          resolve();
        };
        watchers.add(check);
        check();
      }),
    connectionCount: () =>
      new Promise((resolve, reject) =>
        server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
      ),
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(folder, { recursive: true });
    },
  };
}

/** The request in one line, as `GET /info`. */
export const titleOf = ({ method, url }: Asked): string => `${method} ${url.pathname}`;

/** Answers with JSON. */
export function reply(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}

async function readBody(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts).toString();
}
