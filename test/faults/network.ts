import { tool } from "./shell.ts";
import { noteTrace } from "./traces.ts";

/**
 * A machine of its own, as far as the network goes: a namespace and a cable to this one. Everything
 * else it shares, the engine's socket too.
 */
export interface Island {
  /** This machine's address on the cable. */
  readonly mainland: string;
  /** The island's address. */
  readonly address: string;
  /** What comes before a command that runs there. */
  readonly prefix: readonly string[];
  /** Nothing gets through, either way, and nobody is told. */
  cutOff(): Promise<void>;
  /** What the mainland says arrives; what the island says does not. */
  mute(): Promise<void>;
  /** What the island says arrives; what the mainland says does not. */
  deafen(): Promise<void>;
  /** Nothing gets through to or from a port of the mainland. */
  cutOffFrom(port: string): Promise<void>;
  /** Every connection is reset, now. How many those were. */
  resetAll(): Promise<number>;
  /** New and old connections to the mainland are answered with a reset. */
  refuse(): Promise<void>;
  /** A thin and long cable: 64 kbit/s. */
  choke(): Promise<void>;
  heal(): Promise<void>;
  remove(): Promise<void>;
}

let count = 0;

export async function createIsland(): Promise<Island> {
  count += 1;
  const name = `bf${process.pid % 100_000}-${count}`;
  const net = await freeNet();
  const mainland = `${net}.1`;
  const address = `${net}.2`;
  const cable = `${name}h`;
  const inside = (...args: readonly string[]) => tool("ip", "netns", "exec", name, ...args);
  const rule = (...args: readonly string[]) => inside("iptables", "-w", "-A", ...args);

  async function remove(): Promise<void> {
    await tool("ip", "netns", "del", name);
  }

  noteTrace("netns", name);
  await tool("ip", "netns", "add", name);
  try {
    await tool("ip", "link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", name);
    await tool("ip", "addr", "add", `${mainland}/30`, "dev", cable);
    await tool("ip", "link", "set", cable, "up");
    await inside("ip", "addr", "add", `${address}/30`, "dev", "eth0");
    await inside("ip", "link", "set", "eth0", "up");
    await inside("ip", "link", "set", "lo", "up");
  } catch (error) {
    await remove();
    throw error;
  }

  return {
    mainland,
    address,
    prefix: ["ip", "netns", "exec", name],
    async cutOff() {
      await rule("INPUT", "-i", "eth0", "-j", "DROP");
      await rule("OUTPUT", "-o", "eth0", "-j", "DROP");
    },
    mute: async () => void (await rule("OUTPUT", "-o", "eth0", "-j", "DROP")),
    deafen: async () => void (await rule("INPUT", "-i", "eth0", "-j", "DROP")),
    async cutOffFrom(port) {
      await rule("OUTPUT", "-o", "eth0", "-p", "tcp", "--dport", port, "-j", "DROP");
      await rule("INPUT", "-i", "eth0", "-p", "tcp", "--sport", port, "-j", "DROP");
    },
    // A kernel that cannot do it says nothing and resets nothing.
    async resetAll() {
      const reset = await inside("ss", "-K", "-H", "-t", "dst", mainland);
      return reset.split("\n").filter(Boolean).length;
    },
    refuse: async () =>
      void (await rule(
        ...["OUTPUT", "-o", "eth0", "-p", "tcp", "-j", "REJECT", "--reject-with", "tcp-reset"],
      )),
    choke: async () =>
      void (await inside(
        ...["tc", "qdisc", "add", "dev", "eth0", "root", "tbf"],
        ...["rate", "64kbit", "burst", "1600", "latency", "2s"],
      )),
    async heal() {
      await inside("iptables", "-w", "-F");
      await inside("sh", "-c", "tc qdisc del dev eth0 root 2>/dev/null || true");
    },
    remove,
  };
}

/** The first three numbers of a network that nothing on this machine uses. */
async function freeNet(): Promise<string> {
  const routes = await tool("ip", "-4", "route", "show", "table", "all");
  for (let third = 0; third < 256; third++)
    if (!routes.includes(`10.197.${third}.`)) return `10.197.${third}`;
  throw new Error("no network is free under 10.197.0.0/16");
}
