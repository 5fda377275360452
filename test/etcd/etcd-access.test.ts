import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "@jest/globals";
import { keysOf, put } from "../../lib/store/conformance/conformance-words.ts";
import { clientAt, clientOf, newStore } from "./etcd-rig.ts";
import { type EtcdServer, startEtcd } from "./etcd-server.ts";

let server: EtcdServer | undefined;
afterEach(async () => {
  await server?.remove();
  server = undefined;
});

const fileOf = (name: string) =>
  fileURLToPath(new URL(`./certificates/${name}.pem`, import.meta.url));
const pemOf = (name: string) => readFileSync(fileOf(name));

const serverFiles = {
  certificate: fileOf("server"),
  key: fileOf("server-key"),
  ca: fileOf("ca"),
};
const identity = { certificate: pemOf("client"), key: pemOf("client-key") };

test("speaks TLS, both sides knowing each other", async () => {
  server = await startEtcd({ tls: serverFiles });
  const client = await clientOf([server.endpoint], { tls: { ca: pemOf("ca"), identity } });
  const store = await newStore(client);
  await store.commit({ writes: [put("a")] });
  expect(await keysOf(store, "")).toEqual(["a"]);
});

test("trusts nobody that its authority does not vouch for", async () => {
  server = await startEtcd({ tls: serverFiles });
  const stranger = clientOf([server.endpoint], { tls: { identity } });
  await expect(stranger).rejects.toMatchObject({ name: "StoreError", kind: "unavailable" });
});

/** etcd's own JSON interface, for what Berth never asks for. */
async function post(path: string, body: Readonly<Record<string, unknown>>): Promise<void> {
  const url = `http://${server?.endpoint}/v3/auth/${path}`;
  const response = await fetch(url, { method: "POST", body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${path}: ${await response.text()}`);
}

test("logs in, and again when etcd has forgotten that", async () => {
  // A token is good for one second without a call.
  server = await startEtcd({ flags: ["--auth-token-ttl", "1"] });
  const user = { name: "root", password: "secret" };
  await post("user/add", user);
  await post("role/add", { name: "root" });
  await post("user/grant", { user: "root", role: "root" });
  await post("enable", {});
  await expect(clientAt(server).then(newStore)).rejects.toThrow("etcd refused");
  await expect(
    clientOf([server.endpoint], { user: { ...user, password: "wrong" } }),
  ).rejects.toThrow("etcd refused");
  const store = await newStore(await clientOf([server.endpoint], { user }));
  await store.commit({ writes: [put("a")] });
  await server.kill();
  await server.start();
  await store.commit({ writes: [put("b")] });
  expect(await keysOf(store, "")).toEqual(["a", "b"]);
});
