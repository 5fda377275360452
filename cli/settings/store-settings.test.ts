import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { createFakeContext } from "../testing/fake-context.ts";
import { createFakeTerminal } from "../testing/fake-terminal.ts";
import { resolve } from "./resolve.ts";
import { etcdPlaceOf, storeShape } from "./store-settings.ts";

const pem = (name: string) =>
  readFileSync(join(import.meta.dirname, `../../test/etcd/certificates/${name}.pem`), "utf8");

const files: Readonly<Record<string, string>> = {
  "ca.pem": pem("ca"),
  "client.pem": pem("client"),
  "client-key.pem": pem("client-key"),
  "server-key.pem": pem("server-key"),
  password: "s3cret\n",
  empty: "\n",
};

type Given = Readonly<{ flags?: Readonly<Record<string, string>>; env?: Record<string, string> }>;

/** The place that these flags and variables come to. */
async function placeOf({ flags = {}, env = {} }: Given) {
  const { context } = createFakeContext();
  const terminal = createFakeTerminal({ env });
  const world = { ...context, terminal, readText: async (path: string) => files[path] };
  return etcdPlaceOf(world, resolve(storeShape, { flags, env, file: new Map() }));
}

test("a store that nobody named is not in etcd", async () => {
  expect(await placeOf({})).toBeUndefined();
});

test("members and prefix come from the URL, certificates from files", async () => {
  const flags = { store: "etcd://a:1,b:2/prod", storeCa: "ca.pem" };
  const tls = { storeCert: "client.pem", storeKey: "client-key.pem" };
  expect(await placeOf({ flags: { ...flags, ...tls } })).toEqual({
    endpoints: ["a:1", "b:2"],
    prefix: "/prod/",
    tls: {
      ca: Buffer.from(pem("ca")),
      identity: { certificate: Buffer.from(pem("client")), key: Buffer.from(pem("client-key")) },
    },
  });
});

test("the password comes from a file, else from the environment", async () => {
  const flags = { store: "etcd://berth@a:1" };
  const env = { BERTH_STORE_PASSWORD: "other" };
  const user = { name: "berth", password: "other" };
  expect(await placeOf({ flags, env })).toMatchObject({ user });
  const fromFile = await placeOf({ flags: { ...flags, storePasswordFile: "password" }, env });
  expect(fromFile).toMatchObject({ user: { ...user, password: "s3cret" } });
});

const url = "etcd://a:1";
test.each([
  [{ storeCa: "ca.pem" }, "TLS needs a store"],
  [{ store: url, storeCert: "client.pem" }, "--store-cert needs --store-key"],
  [{ store: url, storeKey: "client-key.pem" }, "--store-key needs --store-cert"],
  [{ store: url, storePasswordFile: "password" }, "needs a user"],
  [{ store: "etcd://berth@a:1" }, "there is no password"],
  [{ store: "etcd://berth@a:1", storePasswordFile: "empty" }, "is empty"],
  [{ store: url, storeCa: "missing.pem" }, "there is no such file"],
  [{ store: url, storeCa: "password" }, "must be in PEM"],
  [{ store: url, storeCert: "client.pem", storeKey: "server-key.pem" }, "cannot be used"],
])("refuses %j", async (flags, problem) => {
  await expect(placeOf({ flags })).rejects.toThrow(problem);
});
