import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { test } from "@jest/globals";

/**
 * What a fault takes that not every machine has, and a command that succeeds where it is there.
 * They try what the tests do, in namespaces of their own: root of a container may have every tool
 * and may use none.
 */
const PROBES = {
  root: '[ "$(id -u)" = 0 ]',
  cgroup: "[ -w /sys/fs/cgroup/cpu/tasks ] || [ -w /sys/fs/cgroup/cgroup.subtree_control ]",
  etcd: "etcd --version",
  dockerd: "unshare --net --mount dockerd --version",
  faketime: '[ -n "$(ls /usr/lib/*/faketime/libfaketime.so.1)" ]',
  ip: "unshare --net --mount ip link add name a type veth peer name b",
  iptables: "unshare --net iptables -w -A OUTPUT -p tcp -j REJECT --reject-with tcp-reset",
  mount: "unshare --mount mount -t tmpfs tmpfs /mnt",
  prlimit: "prlimit --version",
  ss: "unshare --net ss -K -t dst 127.0.0.1",
  strace: "strace -qq -e trace=none -o /dev/null true",
  tc: "unshare --net tc qdisc add dev lo root tbf rate 64kbit burst 1600 latency 2s",
};

export type Need = keyof typeof PROBES;

/** No probe takes a second on an idle machine. */
const PROBE_MS = 20_000;

/**
 * A test of a fault. Where the machine lacks something that it needs it is not run, and its name
 * says why: scripts/test.mjs counts such tests in its last line and lists them.
 */
export function faultTest(name: string, needs: readonly Need[], run: () => Promise<void>): void {
  const missing = needs.filter((need) => !has(need));
  if (missing.length === 0) test(name, run);
  else test.skip(`${name} (needs ${missing.join(" and ")})`, run);
}

/** Whether a whole file's tests can run: its set-up needs the same. */
export const hasAll = (needs: readonly Need[]): boolean => needs.every(has);

const answers = new Map<Need, boolean>();

function has(need: Need): boolean {
  const known = answers.get(need);
  if (known !== undefined) return known;
  const found = succeeds(PROBES[need]);
  answers.set(need, found);
  return found;
}

const succeeds = (command: string): boolean =>
  spawnSync("sh", ["-c", command], { stdio: "ignore", timeout: PROBE_MS }).status === 0;

const LIBRARIES = "/usr/lib";

/** Where Debian's libfaketime lies, under the folder of whatever architecture this is. */
export function faketimeLibrary(): string | undefined {
  return readdirSync(LIBRARIES)
    .map((folder) => `${LIBRARIES}/${folder}/faketime/libfaketime.so.1`)
    .find((path) => existsSync(path));
}
