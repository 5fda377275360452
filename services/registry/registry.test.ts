import { Resolver } from "node:dns/promises";
import { expect, test } from "@jest/globals";
import { RegistryService } from "../../gen/berth/v1/registry_service_pb.ts";
import { type Role, WorkerState } from "../../gen/berth/v1/worker_pb.ts";
import { systemClock } from "../../lib/clock.ts";
import { socketDns } from "../../lib/dns/dns-server.ts";
import { reasonOf } from "../../lib/errors.ts";
import { silentLog } from "../../lib/log.ts";
import { systemRandom } from "../../lib/random.ts";
import { openChannel } from "../../lib/rpc/channel.ts";
import { createClient } from "../../lib/rpc/client.ts";
import { socketWire } from "../../lib/rpc/wire.ts";
import { startRegistry } from "./registry.ts";
import { heartbeatOf, registrationOf } from "./test-words.ts";

const deps = { wire: socketWire, clock: systemClock, random: systemRandom, log: silentLog };

test("serves from its start to its end", async () => {
  const registry = await startRegistry({ listen: "127.0.0.1:0" }, deps);
  const channel = openChannel({ address: registry.address, clock: systemClock, log: silentLog });
  const client = createClient(RegistryService, channel);
  const hangUp = new AbortController();
  const answers = client.session(
    (async function* () {
      yield { word: { case: "registration" as const, value: registrationOf("w1") } };
      await systemClock.sleep(60_000, hangUp.signal);
    })(),
  );
  const session = answers[Symbol.asyncIterator]();
  expect((await session.next()).value?.word).toMatchObject({
    case: "terms",
    value: { lease: { seconds: 4n } },
  });
  expect((await client.listWorkers({})).workers).toMatchObject([
    { workerId: "w1", state: WorkerState.UP },
  ]);
  const cut = expect(session.next()).rejects.toThrow();
  await Promise.all([registry.stop(), registry.stop()]);
  await cut;
  await registry.ended;
  hangUp.abort();
  channel.close();
});

test("refuses an enum number that it does not know", async () => {
  const registry = await startRegistry({ listen: "127.0.0.1:0" }, deps);
  const channel = openChannel({ address: registry.address, clock: systemClock, log: silentLog });
  const value = registrationOf("w1");
  value.description?.roles.push(77 as Role);
  const answers = createClient(RegistryService, channel).session(
    (async function* () {
      yield { word: { case: "registration" as const, value } };
    })(),
  );
  const failure = await answers[Symbol.asyncIterator]()
    .next()
    .catch((error: unknown) => error);
  expect(reasonOf(failure)).toBe("BAD_FIELDS");
  channel.close();
  await registry.stop();
});

test("will not start with an interval that is no shorter than the lease", async () => {
  const config = { listen: "127.0.0.1:0", leaseMs: 1_000, intervalMs: 1_000 };
  await expect(startRegistry(config, deps)).rejects.toThrow("interval 1000 ms is not shorter");
});

const dns = {
  listen: "127.0.0.1:0",
  zone: "berth",
  ttlSeconds: 5,
  forwards: [],
  services: { registry: ["127.0.0.1:7071"], manager: [] },
};

test("tells in DNS what workers tell it, from the moment it acknowledges it", async () => {
  const registry = await startRegistry({ listen: "127.0.0.1:0", dns }, { ...deps, dns: socketDns });
  const channel = openChannel({ address: registry.address, clock: systemClock, log: silentLog });
  const hangUp = new AbortController();
  const named = { name: "web", host: "127.0.0.1", taskId: "t1", attempt: 1 };
  const endpoints = { endpoints: [{ ...named, port: 32_768, containerPort: 80 }] };
  const session = createClient(RegistryService, channel)
    .session(
      (async function* () {
        yield { word: { case: "registration" as const, value: registrationOf("w1") } };
        yield { word: { case: "heartbeat" as const, value: heartbeatOf({ endpoints }) } };
        await systemClock.sleep(60_000, hangUp.signal);
      })(),
    )
    [Symbol.asyncIterator]();
  await session.next();
  await session.next();
  const resolver = new Resolver();
  resolver.setServers([registry.dnsAddress ?? ""]);
  expect(await resolver.resolveSrv("_80._tcp.web.task.berth")).toEqual([
    { name: "w1.worker.berth", port: 32_768, priority: 0, weight: 1 },
  ]);
  expect(await resolver.resolve4("web.task.berth")).toEqual(["127.0.0.1"]);
  const end = Promise.allSettled([session.next()]);
  await registry.stop();
  await end;
  hangUp.abort();
  channel.close();
});

test("does not serve at all when it cannot answer DNS", async () => {
  const edge = { ...deps, dns: socketDns };
  const first = await startRegistry({ listen: "127.0.0.1:0", dns }, edge);
  const taken = { ...dns, listen: first.dnsAddress ?? "" };
  const second = startRegistry({ listen: "127.0.0.1:0", dns: taken }, edge);
  await expect(second).rejects.toThrow("EADDRINUSE");
  await first.stop();
});
