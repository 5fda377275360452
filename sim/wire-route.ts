import type { Fate } from "./network.ts";
import { createLane, type Lane } from "./network-pipes.ts";
import type { CallerEnd, HandlerEnd } from "./wire-call.ts";
import type { OpenCall } from "./wire-client.ts";
import type { ServerEnd } from "./wire-port.ts";

type Surroundings = Readonly<{
  toServer: (lane: Lane, run: (server: ServerEnd) => void) => void;
  back: (lane: Lane, run: () => void) => void;
  fate: Fate;
  breakOff: () => void;
  from: string;
}>;

/** One call's way there and back. What is sent before the connection is there waits. */
export function createRoute(call: Parameters<OpenCall>[0], surroundings: Surroundings) {
  const { toServer, back, fate, breakOff, from } = surroundings;
  const up = createLane();
  const down = createLane();
  const waiting: ((handler: HandlerEnd) => void)[] = [];
  let handler: HandlerEnd | undefined;
  let isStarted = false;
  const { path, header, timeoutMs, request, caller } = call;

  function reply(run: (caller: CallerEnd) => void): void {
    if (fate === "answer lost") breakOff();
    else back(down, () => run(caller));
  }

  const openAt = (server: ServerEnd, answer: typeof reply) =>
    server.open({ path, header, timeoutMs, request, peer: from, reply: answer });

  function start(): void {
    isStarted = true;
    if (fate === "request lost") return void breakOff();
    toServer(up, (server) => {
      handler = openAt(server, reply);
      if (fate === "arrives twice") openAt(server, () => undefined);
    });
    for (const run of waiting.splice(0)) send(run);
  }

  function send(run: (handler: HandlerEnd) => void): void {
    if (!isStarted) waiting.push(run);
    else toServer(up, () => handler && run(handler));
  }

  return { start, send };
}
