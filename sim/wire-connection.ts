import { unavailable } from "../lib/errors.ts";
import { createLane } from "./network-pipes.ts";
import type { OpenCall } from "./wire-client.ts";
import { back, cutOff, dial, fail, type Line, type Link, toServer } from "./wire-link.ts";
import { createRoute } from "./wire-route.ts";

/** A channel's connection: made with the first call, and anew when it has broken. */
export interface Connections {
  open: OpenCall;
  close(): void;
}

export function createConnections(line: Line): Connections {
  const { network, machine } = line;
  let current: Link | undefined;
  let isClosed = false;
  const closed = () => unavailable("CHANNEL_CLOSED", `the channel to ${line.address} is closed`);

  function connect(): Link {
    const link = dial(line, () => {
      if (current === link) current = undefined;
    });
    return link;
  }

  return {
    open(call) {
      if (isClosed) throw closed();
      current ??= connect();
      const link = current;
      link.callers.add(call.caller);
      const route = createRoute(call, {
        toServer: (lane, run) => toServer(link, lane, run),
        back: (lane, run) => back(link, () => link.state === "ready" && run(), lane),
        fate: network.fate(machine, link.target, call.request !== undefined),
        breakOff: () => back(link, () => call.caller.fail(cutOff())),
        from: machine,
      });
      if (link.state === "ready") route.start();
      else link.waiting.push(route.start);
      return { send: route.send, close: () => void link.callers.delete(call.caller) };
    },
    close() {
      isClosed = true;
      const link = current;
      if (!link) return;
      toServer(link, createLane(), (server) => server.break());
      fail(link, closed());
    },
  };
}
