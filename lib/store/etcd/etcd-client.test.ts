import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { expect, test } from "@jest/globals";
import {
  AuthenticateResponseSchema,
  KV,
  RangeResponseSchema,
  StatusResponseSchema,
} from "../../../gen/etcdserverpb/rpc_pb.ts";
import { type Clock, systemClock } from "../../clock.ts";
import { unavailable } from "../../errors.ts";
import { silentLog } from "../../log.ts";
import { createSeededRandom } from "../../random.ts";
import type { Channel } from "../../rpc/channel.ts";
import { openEtcdClient } from "./etcd-client.ts";

/** Time passes only in sleeps, and at once. */
function createFastClock(): Clock {
  let elapsed = 0;
  const sleep = async (delayMs: number) => {
    elapsed += delayMs;
  };
  return { ...systemClock, monotonic: () => elapsed, sleep };
}

type Call = Readonly<{ name: string; member: string; token: string | null }>;

/** Members that answer as `answer` says; what they were asked is in `calls`. */
function createMembers(answer: (call: Call) => Readonly<{ revision?: bigint; version?: string }>) {
  const calls: Call[] = [];

  const messageOf = (call: Call) => {
    const { revision = 1n, version = "3.4.23" } = answer(call);
    const header = { revision };
    if (call.name === "Status") return create(StatusResponseSchema, { version });
    if (call.name === "Range") return create(RangeResponseSchema, { header });
    return create(AuthenticateResponseSchema, { token: `token-${calls.length}` });
  };

  const connect = ({ address: member }: { address: string }): Channel => {
    const channel = {
      address: member,
      close: () => undefined,
      async unary(method: { name: string }, _signal: unknown, _ms: unknown, header: Headers) {
        const call = { name: method.name, member, token: header.get("token") };
        calls.push(call);
        return { message: messageOf(call) };
      },
    };
    return channel as unknown as Channel;
  };

  const open = (endpoints: readonly string[], user?: { name: string; password: string }) =>
    openEtcdClient({
      endpoints,
      wire: { connect },
      clock: createFastClock(),
      random: createSeededRandom(1),
      log: silentLog,
      ...(user ? { user } : {}),
    });
  return { calls, open };
}

const read = { key: Buffer.from("k") };

test.each(["3.3.27", "2.3.8"])(
  "an etcd of version %s is refused, with the remedy",
  async (version) => {
    const { open } = createMembers(() => ({ version }));
    await expect(open(["a"])).rejects.toThrow(
      `etcd has version ${version}, and Berth needs 3.4 or later: upgrade it`,
    );
  },
);

test.each(["3.4.0", "3.6.1", "4.0.0"])("an etcd of version %s is taken", async (version) => {
  const { open } = createMembers(() => ({ version }));
  (await open(["a"])).close();
});

test("a member that fails is left for the next one, and stays left", async () => {
  const { open, calls } = createMembers(({ member }) => {
    if (member === "a") throw unavailable("NOT_CONNECTED", "no connection");
    return {};
  });
  const client = await open(["a", "b", "c"]);
  await client.read(KV.method.range, read);
  expect(calls.map(({ member }) => member)).toEqual(["a", "b", "b"]);
});

test("a refusal is told at once, and is no reason to leave", async () => {
  const { open, calls } = createMembers(({ name }) => {
    if (name === "Range") throw new ConnectError("no such thing", Code.InvalidArgument);
    return {};
  });
  const client = await open(["a", "b"]);
  await expect(client.read(KV.method.range, read)).rejects.toMatchObject({ kind: "failed" });
  expect(calls.map(({ member }) => member)).toEqual(["a", "a"]);
});

test("an answer of the past is not taken; if there is no other the store has failed", async () => {
  let now = 9n;
  const { open, calls } = createMembers(({ member }) => ({ revision: member === "a" ? now : 10n }));
  const client = await open(["a", "b"]);
  await client.read(KV.method.range, read);
  now = 8n;
  expect((await client.read(KV.method.range, read)).header?.revision).toBe(10n);
  expect(calls.at(-1)?.member).toBe("b");
  const alone = createMembers(() => ({ revision: now-- }));
  const lonely = await alone.open(["a"]);
  await lonely.read(KV.method.range, read);
  await expect(lonely.read(KV.method.range, read)).rejects.toMatchObject({ kind: "failed" });
});

test("a user logs in once, and again when the token is no longer known", async () => {
  let isForgotten = true;
  const { open, calls } = createMembers(({ name, token }) => {
    if (name === "Authenticate") isForgotten = false;
    else if (isForgotten || token === null) throw new ConnectError("", Code.Unauthenticated);
    return {};
  });
  const client = await open(["a"], { name: "root", password: "secret" });
  await client.read(KV.method.range, read);
  isForgotten = true;
  await client.read(KV.method.range, read);
  expect(calls.map(({ name }) => name)).toEqual([
    "Authenticate",
    "Status",
    "Range",
    "Range",
    "Authenticate",
    "Range",
  ]);
});
