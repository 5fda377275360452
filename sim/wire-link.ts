import type { ConnectError } from "@connectrpc/connect";
import { unavailable } from "../lib/errors.ts";
import type { Network } from "./network.ts";
import { createLane, type Lane } from "./network-pipes.ts";
import type { Process } from "./virtual-clock.ts";
import type { OpenCall } from "./wire-client.ts";
import type { Port, ServerEnd } from "./wire-port.ts";

/** From a client's process to an address. */
export type Line = Readonly<{
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

type Caller = Parameters<OpenCall>[0]["caller"];

/** One connection, as the client has it. Changed only by the functions of this file. */
export type Link = {
  readonly line: Line;
  /** The machine at the other end. */
  readonly target: string;
  state: "connecting" | "ready" | "broken";
  readonly callers: Set<Caller>;
  /** What waits for the connection. */
  readonly waiting: (() => void)[];
  port: Port | undefined;
  server: ServerEnd | undefined;
  /** Ends the wait for the connection, and makes the network forget it. */
  readonly forget: (() => void)[];
  /** Called once, before the callers hear of it. */
  readonly onBroken: () => void;
};

/** Begins to connect. */
export function dial(line: Line, onBroken: () => void): Link {
  const { network, machine, address, giveUpLater, connectMs } = line;
  const target = address.slice(0, address.lastIndexOf(":"));
  const link: Link = {
    line,
    target,
    state: "connecting",
    callers: new Set(),
    waiting: [],
    port: undefined,
    server: undefined,
    forget: [],
    onBroken,
  };
  const late = `no connection to ${address} within ${connectMs} ms: is it running?`;
  link.forget.push(giveUpLater(() => fail(link, unavailable("NOT_CONNECTED", late))));
  network.knock({ from: machine, to: target, run: () => arrive(link) });
  return link;
}

/** A wish to connect has reached the machine. */
function arrive(link: Link): void {
  const { address, find } = link.line;
  const port = find();
  if (port?.isOpen()) reach(link, port);
  else {
    const refused = unavailable("NOT_CONNECTED", `connect ECONNREFUSED ${address}`);
    back(link, () => fail(link, refused));
  }
}

/** From now on the connection can break; its server takes it in as soon as it runs. */
function reach(link: Link, port: Port): void {
  const { line, target } = link;
  const { network, machine, process } = line;
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
  const cut = () => back(link, () => fail(link, cutOff()));
  if (port.isOpen()) {
    link.server = port.accept(cut);
    back(link, () => ready(link));
  } else cut();
}

function ready(link: Link): void {
  if (link.state !== "connecting") return;
  link.state = "ready";
  link.forget[0]?.();
  for (const start of link.waiting.splice(0)) start();
}

/** The connection is no more, and neither are its calls. */
export function fail(link: Link, error: ConnectError): void {
  if (link.state === "broken") return;
  link.state = "broken";
  for (const forget of link.forget) forget();
  link.onBroken();
  for (const caller of [...link.callers]) caller.fail(error);
}

/** Has something happen at the client's end. */
export function back({ line, target }: Link, run: () => void, lane: Lane = createLane()): void {
  const { network, machine, process } = line;
  network.send({ from: target, to: machine, process, lane, run });
}

/** Has something happen at the server's end, if the connection is there. */
export function toServer(link: Link, lane: Lane, run: (server: ServerEnd) => void): void {
  const { line, target, port } = link;
  if (link.state !== "ready" || !port) return;
  const deliver = () => {
    if (link.server) run(link.server);
  };
  const { network, machine: from } = line;
  network.send({ from, to: target, process: port.process, lane, run: deliver });
}

export const cutOff = () => unavailable("CUT_OFF", "the connection broke before the answer");
