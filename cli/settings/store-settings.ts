import type { EtcdPlace } from "../../lib/store/etcd-place.ts";
import { CommandError, usageError } from "../command-error.ts";
import type { Context } from "../context.ts";
import { exitCodes } from "../exit-codes.ts";
import { noSuchFile } from "../no-file.ts";
import { malformed, type Parsed, parsed } from "../parse/parsed.ts";
import { parseStoreUrl, type StoreUrl } from "../parse/store-url.ts";
import type { Values } from "./resolve.ts";
import { flagOf, optional, type Setting } from "./setting.ts";

const store = optional<StoreUrl>(
  {
    name: "store",
    valueName: "url",
    help: "etcd to keep the cluster in, etcd://host:port,host:port/prefix",
    fallbackText: "embedded, in --state-dir",
  },
  parseStoreUrl,
);

const file = (name: string, help: string): Setting<string | undefined> =>
  optional({ name, valueName: "file", help }, parsePath);

const parsePath = (text: string): Parsed<string> =>
  text === "" ? malformed(text, "must name a file") : parsed(text);

const storeCa = file("store-ca", "authorities that vouch for etcd, in PEM; makes it speak TLS");
const storeCert = file("store-cert", "certificate to show to etcd, in PEM; makes it speak TLS");
const storeKey = file("store-key", "private key of --store-cert, in PEM");
const storePasswordFile = file(
  "store-password-file",
  "password of the user in --store; BERTH_STORE_PASSWORD is another way to give it",
);

/** How a verb is told of a store in etcd. */
export const storeShape = { store, storeCa, storeCert, storeKey, storePasswordFile };

type StoreSettings = Values<typeof storeShape>;

/** The variable that may hold the password. No flag does: others see those. */
const PASSWORD_VARIABLE = "BERTH_STORE_PASSWORD";

/** Where the store is, with its certificates and password read; undefined when it is not in etcd. */
export async function etcdPlaceOf(
  context: Context,
  set: StoreSettings,
  named: Setting<unknown> = store,
): Promise<EtcdPlace | undefined> {
  refuseHalves(set, flagOf(named));
  if (set.store === undefined) return undefined;
  const { endpoints, prefix, user } = set.store;
  const tls = await tlsOf(context, set);
  const password = await passwordOf(context, set);
  if (user !== undefined && password === undefined)
    throw usageError(
      [`${flagOf(named)} names the user ${user}, and there is no password`],
      [`set ${PASSWORD_VARIABLE}, or name a file with --store-password-file`],
    );
  return {
    endpoints,
    prefix,
    ...(tls && { tls }),
    ...(user !== undefined && password !== undefined && { user: { name: user, password } }),
  };
}

/** Refuses what would have no effect, for whoever gave it believes that it has one. */
function refuseHalves(set: StoreSettings, url: string): void {
  const { store: place, storeCa: ca, storeCert: cert, storeKey: key } = set;
  const password = set.storePasswordFile;
  const lacks = (what: unknown, flag: string, needed: string) =>
    what === undefined ? [] : [`${flag} needs ${needed}`];
  const problems = [
    ...(place
      ? []
      : lacks(ca ?? cert ?? key, "TLS", `a store to speak it with: give ${url} etcd://…`)),
    ...(cert === undefined ? lacks(key, "--store-key", "--store-cert: give both") : []),
    ...(key === undefined ? lacks(cert, "--store-cert", "--store-key: give both") : []),
    ...(place?.user === undefined
      ? lacks(password, "--store-password-file", `a user: write ${url} etcd://USER@…`)
      : []),
  ];
  if (problems.length > 0) throw usageError(problems);
}

async function tlsOf(context: Context, set: StoreSettings): Promise<EtcdPlace["tls"]> {
  const ca = await pemOf(context, storeCa, set.storeCa);
  const certificate = await pemOf(context, storeCert, set.storeCert);
  const key = await pemOf(context, storeKey, set.storeKey);
  const tls = { ...(ca && { ca }), ...(certificate && key && { identity: { certificate, key } }) };
  if (Object.keys(tls).length === 0) return undefined;
  const { createSecureContext } = await import("node:tls");
  try {
    createSecureContext({ ca, cert: certificate, key });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw usageError(
      [`the certificates of the store cannot be used: ${reason}`],
      ["give PEM files, and a --store-key that belongs to --store-cert"],
    );
  }
  return tls;
}

async function pemOf(context: Context, setting: Setting<unknown>, path: string | undefined) {
  if (path === undefined) return undefined;
  const text = await contentOf(context, setting, path);
  if (text.includes("-----BEGIN ")) return Buffer.from(text);
  throw usageError([`${flagOf(setting)} ${path}: must be in PEM, which begins with -----BEGIN`]);
}

async function passwordOf(
  context: Context,
  { storePasswordFile: path }: StoreSettings,
): Promise<string | undefined> {
  const text =
    path === undefined
      ? context.terminal.env[PASSWORD_VARIABLE]
      : await contentOf(context, storePasswordFile, path);
  const password = text?.replace(/\r?\n$/, "");
  if (path !== undefined && password === "")
    throw usageError([`--store-password-file ${path}: is empty: write the password into it`]);
  return password || undefined;
}

async function contentOf(context: Context, setting: Setting<unknown>, path: string) {
  const text = await context.readText(path).catch((cause: unknown) => {
    const words = cause instanceof Error ? cause.message : String(cause);
    throw new CommandError(`${flagOf(setting)} ${path}: cannot be read: ${words}`, {
      ...{ exitCode: exitCodes.usage, cause, remedies: ["name a file that you may read"] },
    });
  });
  if (text === undefined) throw usageError([noSuchFile(`${flagOf(setting)} ${path}`)]);
  return text;
}
