import { afterAll, beforeAll, expect, jest } from "@jest/globals";
import { isTerminal } from "../../core/task-state.ts";
import type { Task } from "../../gen/berth/v1/task_pb.ts";
import { TaskState } from "../../gen/berth/v1/task_pb.ts";
import { freePort } from "../free-port.ts";
import { startCluster, type TestCluster } from "./cluster.ts";
import { bridgeAddress, DNS_PORT, dnsTest, whyNoDns } from "./container-dns.ts";
import { ensureImage, openEngine } from "./engine.ts";

jest.setTimeout(120_000);

let cluster: TestCluster | undefined;
beforeAll(async () => {
  if (whyNoDns !== undefined) return;
  await ensureImage();
  const listen = ["--listen", `${bridgeAddress}:${await freePort()}`, "--insecure"];
  cluster = await startCluster({
    extraFlags: {
      registry: ["--dns-listen", `${bridgeAddress}:${DNS_PORT}`],
      worker: [...listen, "--dns", bridgeAddress, "--dns-search", "task.berth"],
    },
  });
});
afterAll(() => cluster?.stop());

const shell = (script: string) => ({ command: ["sh", "-c", script] });
const hasPort = ({ attempt }: Task) => (attempt?.status?.ports.length ?? 0) > 0;

/** What a container that asks for names prints, once it has ended. */
async function printedBy(there: TestCluster, script: string): Promise<string> {
  const { id } = await there.submit(shell(script));
  const task = await there.waitFor(id, ({ state }) => isTerminal(state));
  const container = openEngine().getContainer(task.attempt?.status?.containerId ?? "");
  const printed = await container.logs({ stdout: true, stderr: true });
  expect([TaskState[task.state], printed.toString()]).toEqual(["COMPLETED", expect.anything()]);
  return printed.toString();
}

dnsTest("containers find tasks by name and by label, and call them", async () => {
  const there = cluster as TestCluster;
  const { id } = await there.submit({
    name: "web",
    labels: { "berth.dns/name": "shop" },
    ports: [{ containerPort: 80 }],
    stopGrace: { seconds: 0n, nanos: 0 },
    ...shell("echo served > /tmp/index.html; exec httpd -f -p 80 -h /tmp"),
  });
  const { attempt } = await there.waitFor(id, hasPort);
  const port = attempt?.status?.ports[0]?.hostPort;
  const find = (what: string) =>
    `until found=$(busybox nslookup ${what}); do sleep 0.1; done; echo $found`;
  const both = `${find("web.task.berth")}; ${find("shop.task.berth")}`;
  const printed = await printedBy(there, `${both}; wget -q -O - http://shop:${port}/`);
  for (const what of ["web", "shop"])
    expect(printed).toContain(`Name: ${what}.task.berth Address: ${bridgeAddress}`);
  expect(printed).toContain("served");
});

dnsTest("containers are told at once of what is not there", async () => {
  const there = cluster as TestCluster;
  const script = "until busybox nslookup none.task.berth | grep NXDOMAIN; do sleep 0.1; done";
  expect(await printedBy(there, script)).toContain("NXDOMAIN");
});
