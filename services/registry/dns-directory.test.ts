import { create } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import { type Endpoint, EndpointSchema } from "../../gen/berth/v1/endpoint_pb.ts";
import { PortProtocol } from "../../gen/berth/v1/task_pb.ts";
import { silentLog } from "../../lib/log.ts";
import { createManualClock } from "../../lib/manual-clock.ts";
import { createSeededRandom } from "../../lib/random.ts";
import { createDnsDirectory } from "./dns-directory.ts";
import { createHostBook } from "./dns-hosts.ts";
import { createRoster } from "./roster.ts";
import { descriptionOf, heartbeatOf, registrationOf } from "./test-words.ts";

const LEASE_MS = 4_000;

function openDirectory() {
  const clock = createManualClock();
  const roster = createRoster({ clock, random: createSeededRandom(1), log: silentLog }, LEASE_MS);
  const lookup = (host: string) => Promise.resolve([`10.9.9.${host.length}`]);
  const hosts = createHostBook({ lookup, clock, log: silentLog });
  const services = { registry: ["10.0.0.9:7071"], manager: ["m1:7070", "m2:7070"] };
  const sources = { roster, hosts, services, clock, settleMs: LEASE_MS };
  const directory = createDnsDirectory(sources);
  const join = (workerId: string, address = "10.0.0.1:7072", instanceId = "i1") => {
    const description = descriptionOf("node", { address });
    return roster.register(registrationOf(workerId, { instanceId, description }), () => undefined);
  };
  const serve = (key: ReturnType<typeof join>, ...endpoints: Endpoint[]) =>
    roster.hear(key, heartbeatOf({ endpoints: { endpoints } }));
  return { clock, roster, directory, join, serve };
}

type Changes = Partial<Pick<Endpoint, "containerPort" | "portName" | "protocol">>;

const endpointOf = (host: string, port: number, changes: Changes = {}): Endpoint =>
  create(EndpointSchema, { name: "web", taskId: "t1", attempt: 1, host, port, ...changes });

test("a task is there as soon as a worker says so, and gone as soon as none does", () => {
  const { directory, join, serve } = openDirectory();
  const key = join("w1");
  expect(directory.task("web")).toBeUndefined();
  serve(key, endpointOf("10.0.0.1", 32_768));
  expect(directory.task("web")?.targets).toEqual([
    { hostName: "w1.worker", host: "10.0.0.1", port: 32_768 },
  ]);
  serve(key);
  expect(directory.task("web")).toBeUndefined();
});

test("a task is what all its workers serve, its ports by name and by number", () => {
  const { directory, join, serve } = openDirectory();
  const http = { containerPort: 80, portName: "http" };
  const udp = { containerPort: 53, protocol: PortProtocol.UDP };
  serve(join("w1"), endpointOf("10.0.0.1", 1_001, http), endpointOf("10.0.0.1", 1_002, udp));
  serve(join("w2", "10.0.0.2:7072"), endpointOf("10.0.0.2", 1_003, http));
  const task = directory.task("web");
  expect(task?.hosts).toEqual(["10.0.0.1", "10.0.0.2"]);
  expect([...(task?.protocols ?? [])]).toEqual(["_tcp", "_udp"]);
  const portsOf = (name: string) => task?.targetsByPort.get(name)?.map(({ port }) => port);
  expect(portsOf("_http._tcp")).toEqual([1_001, 1_003]);
  expect(portsOf("_80._tcp")).toEqual([1_001, 1_003]);
  expect(portsOf("_53._udp")).toEqual([1_002]);
  expect(portsOf("_53._tcp")).toBeUndefined();
});

test("a question that nothing has changed for costs no more than a look", () => {
  const { directory, join, serve } = openDirectory();
  const key = join("w1");
  serve(key, endpointOf("10.0.0.1", 1_001));
  expect(directory.task("web")).toBe(directory.task("web"));
});

test("what a silent worker served is gone with its lease", async () => {
  const { clock, roster, directory, join, serve } = openDirectory();
  serve(join("w1"), endpointOf("10.0.0.1", 1_001));
  expect(directory.worker("w1")).toMatchObject({ host: "10.0.0.1", port: 7_072 });
  await clock.advance(LEASE_MS);
  roster.expire();
  expect(directory.task("web")).toBeUndefined();
  expect(directory.worker("w1")).toBeUndefined();
});

test("a worker that comes back elsewhere is found there", async () => {
  const { clock, roster, directory, join } = openDirectory();
  roster.leave(join("w1", "node-a:7072"), "moving");
  join("w1", "node-abc:7072", "i2");
  await clock.advance(0);
  expect(directory.worker("w1")?.host).toBe("node-abc");
  expect(directory.addressesOf("node-abc")).toEqual(["10.9.9.8"]);
  expect(directory.addressesOf("node-a")).toEqual([]);
});

test("a worker whose ID is no label gives its tasks addresses, but no name to point at", () => {
  const { directory, join, serve } = openDirectory();
  serve(join("w".repeat(64)), endpointOf("10.0.0.1", 1_001));
  expect(directory.task("web")).toMatchObject({ hosts: ["10.0.0.1"], targets: [] });
});

test("after a lease all who are here have said so", async () => {
  const { clock, directory } = openDirectory();
  await clock.advance(LEASE_MS - 1);
  expect(directory.isSettled()).toBe(false);
  await clock.advance(1);
  expect(directory.isSettled()).toBe(true);
});

test("services are numbered, and their hosts looked up", async () => {
  const { clock, directory } = openDirectory();
  await clock.advance(0);
  expect(directory.service("manager")).toEqual([
    { hostName: "1.manager", host: "m1", port: 7_070 },
    { hostName: "2.manager", host: "m2", port: 7_070 },
  ]);
  expect(directory.addressesOf("m2")).toEqual(["10.9.9.2"]);
});
