import { ConnectError } from "@connectrpc/connect";
import { afterEach } from "@jest/globals";
import type { Channel } from "../channel.ts";
import { createClient } from "../client.ts";
import type { RpcServer, RpcServerOptions } from "../server.ts";
import { EchoService } from "./echo-pb.ts";
import { channelTo, type Echo, echo, serve } from "./wires.ts";

export const SAY = "/berth.testing.EchoService/Say";

/** A server of the echo service and a channel to it, made by `start` and gone after each test. */
export function createRig() {
  let server: RpcServer | undefined;
  let channel: Channel | undefined;
  afterEach(async () => {
    channel?.close();
    await server?.stop(0);
  });

  return {
    async start(replaced?: Partial<Echo>, options?: Partial<RpcServerOptions>) {
      server = await serve(echo(replaced), options);
      channel = channelTo(server.address);
      const url = `http://${server.address}`;
      return { server, channel, url, client: createClient(EchoService, channel) };
    },
  };
}

/** Calls Say as a script would. */
export const post = (url: string, body: string, headers: Record<string, string> = {}) =>
  fetch(`${url}${SAY}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body,
  });

/** What a call fails with. A call that does not fails the test. */
export const errorOf = (work: Promise<unknown>): Promise<ConnectError> =>
  work.then(
    () => {
      throw new Error("expected a failure");
    },
    (error: unknown) => ConnectError.from(error),
  );

/** The code that a call fails with. */
export const codeOf = async (work: Promise<unknown>) => (await errorOf(work)).code;
