import { afterEach } from "@jest/globals";
import type { RpcServer, RpcServerOptions } from "../../rpc/server.ts";
import { EchoService } from "../../rpc/testing/echo-pb.ts";
import { type Echo, echo, serve } from "../../rpc/testing/wires.ts";
import { refuseUnknownFields } from "../../rpc/unknown-fields.ts";
import { healthRoute } from "../health-route.ts";
import { type HttpApi, route } from "../route.ts";

const { say, count } = EchoService.method;

const api: HttpApi = {
  title: "Echo",
  version: "1",
  routes: [
    route("GET", "/say", say),
    route("POST", "/say", say, { name: "sayBody" }),
    route("POST", "/say/{text}", say, { name: "sayPath" }),
    route("GET", "/words/{text}", count, { text: ({ text }) => [Buffer.from(`${text}\n`)] }),
    healthRoute,
  ],
  comments: async () => ({ "berth.testing.SayRequest.text": "What to `say_it`. Required." }),
};

/** A server of the echo service that offers it over plain HTTP, gone after each test. */
export function createHttpRig() {
  let server: RpcServer | undefined;
  afterEach(() => server?.stop(0));

  return {
    async start(replaced?: Partial<Echo>, options?: Partial<RpcServerOptions>) {
      const interceptors = [refuseUnknownFields];
      const started = await serve(echo(replaced), { api, interceptors, ...options });
      server = started;
      const url = `http://${started.address}`;
      const ask = (method: string, path: string, body?: string, headers = {}) =>
        fetch(`${url}${path}`, {
          method,
          headers: {
            ...(body !== undefined && { "content-type": "application/json" }),
            ...headers,
          },
          ...(body !== undefined && { body }),
        });
      return { server: started, url, ask };
    },
  };
}
