import type { ConnectError } from "@connectrpc/connect";
import { unavailable } from "../lib/errors.ts";
import { createLane, type Fate, type Lane, type Network } from "./network.ts";
import type { Process } from "./virtual-clock.ts";
import type { CallerEnd, HandlerEnd } from "./wire-call.ts";
import type { OpenCall } from "./wire-client.ts";
import type { Port, ServerEnd } from "./wire-port.ts";

type Options = Readonly<{
  network: Network;
  machine: string;
  process: Process;
  address: string;
  /** Who listens at the address now. */
  find: () => Port | undefined;
  /** Runs an action when a connection has taken too long, unless the result is called before. */
  giveUpLater: (giveUp: () => void) => () => void;
  connectMs: number;
}>;

/** A channel's connection: made with the first call, and anew when it has broken. */
export interface Connections {
  open: OpenCall;
  close(): void;
}

type Caller = Parameters<OpenCall>[0]["caller"];

/** One connection, as the client has it. */
type Link = {
  state: "connecting" | "ready" | "broken";
  readonly callers: Set<Caller>;
  /** What waits for the connection. */
  readonly waiting: (() => void)[];
  port: Port | undefined;
  server: ServerEnd | undefined;
  /** Ends the wait for the connection, and makes the network forget it. */
  readonly forget: (() => void)[];
};

export function createConnections(options: Options): Connections {
  const { network, machine, process, address, find, giveUpLater, connectMs } = options;
  let current: Link | undefined;
  let isClosed = false;
  const target = address.slice(0, address.lastIndexOf(":"));

  function dial(): Link {
    const link: Link = {
      state: "connecting",
      callers: new Set(),
      waiting: [],
      port: undefined,
      server: undefined,
      forget: [],
    };
    const late = `no connection to ${address} within ${connectMs} ms: is it running?`;
    link.forget.push(giveUpLater(() => fail(link, unavailable("NOT_CONNECTED", late))));
    network.knock({ from: machine, to: target, run: () => arrive(link) });
    return link;
  }

  /** A wish to connect has reached the machine. */
  function arrive(link: Link): void {
    const port = find();
    if (!port?.isOpen()) {
      const refused = unavailable("NOT_CONNECTED", `connect ECONNREFUSED ${address}`);
      return void back(() => fail(link, refused));
    }
    link.port = port;
    link.forget.push(
      network.bind({
        from: machine,
        to: target,
        client: process,
        server: () => port.process,
        breakClient: () => fail(link, cutOff()),
        breakServer: () => link.server?.break(),
      }),
    );
    network.send({
      from: target,
      to: target,
      process: port.process,
      lane: createLane(),
      run: () => accept(link, port),
    });
  }

  function accept(link: Link, port: Port): void {
    if (!port.isOpen()) return void back(() => fail(link, cutOff()));
    link.server = port.accept(() => back(() => fail(link, cutOff())));
    back(() => ready(link));
  }

  function ready(link: Link): void {
    if (link.state !== "connecting") return;
    link.state = "ready";
    link.forget[0]?.();
    for (const start of link.waiting.splice(0)) start();
  }

  function fail(link: Link, error: ConnectError): void {
    if (link.state === "broken") return;
    link.state = "broken";
    for (const forget of link.forget) forget();
    if (current === link) current = undefined;
    for (const caller of [...link.callers]) caller.fail(error);
  }

  const back = (run: () => void, lane: Lane = createLane()) =>
    network.send({ from: target, to: machine, process, lane, run });

  const toServer = (link: Link, lane: Lane, run: (server: ServerEnd) => void) => {
    const { port } = link;
    if (link.state !== "ready" || !port) return;
    const deliver = () => {
      if (link.server) run(link.server);
    };
    network.send({ from: machine, to: target, process: port.process, lane, run: deliver });
  };

  const open: OpenCall = (call) => {
    if (isClosed) throw unavailable("CHANNEL_CLOSED", `the channel to ${address} is closed`);
    current ??= dial();
    const link = current;
    link.callers.add(call.caller);
    const route = createRoute(call, {
      toServer: (lane, run) => toServer(link, lane, run),
      back: (lane, run) => back(() => link.state === "ready" && run(), lane),
      fate: network.fate(machine, target, call.request !== undefined),
      breakOff: () => back(() => call.caller.fail(cutOff())),
      from: machine,
    });
    if (link.state === "ready") route.start();
    else link.waiting.push(route.start);
    return { send: route.send, close: () => void link.callers.delete(call.caller) };
  };

  return {
    open,
    close() {
      isClosed = true;
      const link = current;
      if (!link) return;
      toServer(link, createLane(), (server) => server.break());
      fail(link, unavailable("CHANNEL_CLOSED", `the channel to ${address} is closed`));
    },
  };
}

const cutOff = () => unavailable("CUT_OFF", "the connection broke before the answer");

type Surroundings = Readonly<{
  toServer: (lane: Lane, run: (server: ServerEnd) => void) => void;
  back: (lane: Lane, run: () => void) => void;
  fate: Fate;
  breakOff: () => void;
  from: string;
}>;

/** One call's way there and back. What is sent before the connection is there waits. */
function createRoute(call: Parameters<OpenCall>[0], surroundings: Surroundings) {
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
