import { createSocket } from "node:dgram";
import { test } from "@jest/globals";
import { openEngine } from "./engine.ts";

/** The only port that a container's resolver asks. */
export const DNS_PORT = 53;

/** Where containers reach this machine: the address that it has on the engine's own network. */
export const bridgeAddress: string = await openEngine()
  .getNetwork("bridge")
  .inspect()
  .then(({ IPAM }) => IPAM?.Config?.[0]?.Gateway ?? "");

/** Why nobody can answer containers here: not root, another server. Undefined when one can. */
export const whyNoDns = await new Promise<string | undefined>((resolve) => {
  if (bridgeAddress === "") return resolve("the engine has no bridge");
  const socket = createSocket("udp4");
  const close = (why?: string) => socket.close(() => resolve(why));
  socket.once("error", ({ message }) => close(message));
  socket.bind({ address: bridgeAddress, port: DNS_PORT, exclusive: true }, () => close());
});

/** A test that answers containers. Where nobody can, it is not run, and its name says why. */
export function dnsTest(name: string, run: () => Promise<void>): void {
  if (whyNoDns === undefined) test(name, run);
  else test.skip(`${name} (needs port ${DNS_PORT}: ${whyNoDns})`, run);
}
