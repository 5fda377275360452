import http from "node:http";

/** The Docker engine driven directly, by the shortest way there is: keep-alive HTTP on its socket. */
export interface Engine {
  post(path: string, body?: object): Promise<unknown>;
  get(path: string): Promise<unknown>;
  delete(path: string): Promise<unknown>;
  /** Container events from now on, each with the engine's own time. Call the result to stop. */
  listen(onEvent: (event: EngineEvent) => void): Promise<() => void>;
}

export type EngineEvent = Readonly<{
  action: string;
  containerId: string;
  labels: Readonly<Record<string, string>>;
  /** Milliseconds since the Unix epoch, by the engine. */
  timeMs: number;
}>;

const API = "/v1.41";

export function openEngine(socketPath: string): Engine {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
  const options = { socketPath, agent };

  const request = (method: string, path: string, body?: object) =>
    new Promise<unknown>((resolve, reject) => {
      const headers = body ? { "content-type": "application/json" } : {};
      const call = http.request({ ...options, method, path: API + path, headers }, (answer) => {
        let text = "";
        answer.setEncoding("utf8");
        answer.on("data", (part: string) => {
          text += part;
        });
        answer.on("end", () =>
          (answer.statusCode ?? 500) >= 400
            ? reject(new Error(`${method} ${path}: ${answer.statusCode} ${text.trim()}`))
            : resolve(text.startsWith("{") || text.startsWith("[") ? JSON.parse(text) : undefined),
        );
      });
      call.on("error", reject);
      call.end(body && JSON.stringify(body));
    });

  return {
    get: (path) => request("GET", path),
    post: (path, body) => request("POST", path, body),
    delete: (path) => request("DELETE", path),
    listen: (onEvent) => listen(socketPath, onEvent),
  };
}

function listen(socketPath: string, onEvent: (event: EngineEvent) => void): Promise<() => void> {
  const filters = encodeURIComponent(JSON.stringify({ type: ["container"] }));
  return new Promise((resolve, reject) => {
    const call = http.get({ socketPath, path: `${API}/events?filters=${filters}` }, (answer) => {
      let rest = "";
      answer.setEncoding("utf8");
      answer.on("data", (part: string) => {
        const lines = (rest + part).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) if (line.trim() !== "") onEvent(readEvent(line));
      });
      answer.on("error", () => call.destroy());
      resolve(() => call.destroy());
    });
    call.on("error", reject);
  });
}

function readEvent(line: string): EngineEvent {
  const { Action, Actor, timeNano } = JSON.parse(line);
  return {
    action: Action,
    containerId: Actor.ID,
    labels: Actor.Attributes,
    timeMs: Number(BigInt(timeNano) / 1000n) / 1000,
  };
}

/** Now by the clock that stamps the engine's events, finer than a millisecond. */
export const nowMs = (): number => performance.timeOrigin + performance.now();
