import { systemClock } from "../lib/clock.ts";
import { silentLog } from "../lib/log.ts";
import { startRpcServer } from "../lib/rpc/server.ts";
import { mountService } from "../lib/rpc/service-mount.ts";
import { EchoService } from "../lib/rpc/testing/echo-pb.ts";

/** A server that says what it is told, in a process of its own: the floor of every call. */
const nothing = async function* () {};

const server = await startRpcServer({
  listen: "127.0.0.1:0",
  clock: systemClock,
  log: silentLog,
  mounts: [
    mountService(EchoService, {
      say: ({ payload }) => ({ payload }),
      collect: async () => ({}),
      count: nothing,
      chat: nothing,
    }),
  ],
});
process.stdout.write(`${server.address}\n`);
