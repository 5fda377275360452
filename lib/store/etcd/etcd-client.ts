import type {
  DescMessage,
  DescMethodBiDiStreaming,
  DescMethodUnary,
  MessageInitShape,
  MessageShape,
} from "@bufbuild/protobuf";
import { KV, Maintenance, type ResponseHeader } from "../../../gen/etcdserverpb/rpc_pb.ts";
import { assert } from "../../assert.ts";
import type { Clock } from "../../clock.ts";
import { unavailable } from "../../errors.ts";
import type { Log } from "../../log.ts";
import type { Random } from "../../random.ts";
import { backoffMs } from "../../retry.ts";
import type { Channel } from "../../rpc/channel.ts";
import type { ClientTls } from "../../rpc/connection.ts";
import type { Wire } from "../../rpc/wire.ts";
import { StoreError } from "../store.ts";
import { mayHelpToRepeat, storeErrorOf } from "./etcd-errors.ts";
import { createSession, type User } from "./etcd-session.ts";

/** A client of an etcd cluster: it speaks with one member, and with the next one when that fails. */
export interface EtcdClient {
  /** One try. Throws what went wrong as a ConnectError; the next call goes to another member. */
  call<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    input: MessageInitShape<I>,
  ): Promise<MessageShape<O>>;
  /** As `call`, of what may be done twice: tries again for a while, then throws a StoreError. */
  read<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    input: MessageInitShape<I>,
  ): Promise<MessageShape<O>>;
  /** A stream to the member of the moment. Throws a ConnectError when it breaks. */
  stream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodBiDiStreaming<I, O>,
    input: AsyncIterable<MessageInitShape<I>>,
    signal: AbortSignal,
  ): AsyncIterable<MessageShape<O>>;
  /** Leaves a member that does not do what it should, though it answers. */
  turnAway(): void;
  close(): void;
}

export type EtcdOptions = Readonly<{
  /** Of the members, `host:port` each. At least one. */
  endpoints: readonly string[];
  tls?: ClientTls;
  user?: User;
  wire: Pick<Wire, "connect">;
  clock: Clock;
  random: Random;
  log: Log;
}>;

const SECOND_MS = 1_000;

const times = {
  /** Until a member must be connected. */
  connectMs: 2 * SECOND_MS,
  /** Until one try must be answered. */
  tryMs: 3 * SECOND_MS,
  /** For how long a read is tried again. */
  readMs: 5 * SECOND_MS,
};
const pauses = { firstMs: 50, capMs: 500 };

/** The oldest server that is known to do what is asked of it: fragments of watches came with 3.4. */
const VERSION_MIN = [3, 4] as const;

/** Connects, and throws a StoreError when no member answers, or one that is too old. */
export async function openEtcdClient(options: EtcdOptions): Promise<EtcdClient> {
  const client = createEtcdClient(options);
  try {
    const { version } = await client.read(Maintenance.method.status, {});
    assertRecent(version);
    return client;
  } catch (error) {
    client.close();
    throw error;
  }
}

function assertRecent(version: string): void {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [majorMin, minorMin] = VERSION_MIN;
  if (major > majorMin || (major === majorMin && minor >= minorMin)) return;
  const needed = `Berth needs ${VERSION_MIN.join(".")} or later: upgrade it`;
  throw new StoreError(`etcd has version ${version}, and ${needed}`);
}

function createEtcdClient(options: EtcdOptions): EtcdClient {
  const members = createMembers(options);
  const guardTime = createTimeGuard();
  const session = createSession(options.user, unary);

  async function unary<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    input: MessageInitShape<I>,
    header: Headers,
  ): Promise<MessageShape<O>> {
    const assertForward = guardTime(method);
    return members.speak(async (member) => {
      const { tryMs } = times;
      const { message } = await member.unary(method, undefined, tryMs, header, input, undefined);
      assertForward(message);
      return message;
    });
  }

  async function call<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    input: MessageInitShape<I>,
  ): Promise<MessageShape<O>> {
    const header = await session.header();
    try {
      return await unary(method, input, header);
    } catch (error) {
      if (!session.isOver(error)) throw error;
      return unary(method, input, await session.header());
    }
  }

  return {
    call,
    read: (method, input) => repeatedly(options, () => call(method, input)),
    async *stream(method, input, signal) {
      const header = await session.header();
      const open = (member: Channel) =>
        member.stream(method, signal, undefined, header, input, undefined);
      try {
        yield* (await members.speak(open)).message;
      } catch (error) {
        session.isOver(error);
        throw error;
      }
    },
    turnAway: members.turnAway,
    close: members.close,
  };
}

/** Tries for a while. Throws a StoreError. */
async function repeatedly<T>(
  { clock, random, log }: EtcdOptions,
  action: () => Promise<T>,
): Promise<T> {
  const endMs = clock.monotonic() + times.readMs;
  for (let attempt = 0; ; attempt++) {
    try {
      return await action();
    } catch (err) {
      if (clock.monotonic() >= endMs || !mayHelpToRepeat(err)) throw storeErrorOf(err);
      log.debug({ err, attempt }, "etcd did not answer, trying again");
      await clock.sleep(backoffMs(attempt, pauses, random));
    }
  }
}

/** All members; each is connected when it is first spoken with. */
function createMembers({ endpoints, wire, clock, log, tls }: EtcdOptions) {
  assert(endpoints.length > 0, "a client of etcd is given at least one endpoint");
  const { connectMs } = times;
  const members = endpoints.map((address) =>
    wire.connect({ address, clock, log, connectMs, ...(tls ? { tls } : {}) }),
  );
  let index = 0;

  function current(): Channel {
    const member = members[index];
    assert(member, "the current member is one of them");
    return member;
  }

  /** Of several who were let down by the same member only the first moves on. */
  function turnAwayFrom(member: Channel): void {
    if (member === current()) index = (index + 1) % members.length;
  }

  return {
    /** Does something with the member of the moment, and leaves it if that is its fault. */
    async speak<T>(action: (member: Channel) => Promise<T>): Promise<T> {
      const member = current();
      try {
        return await action(member);
      } catch (error) {
        if (mayHelpToRepeat(error)) turnAwayFrom(member);
        throw error;
      }
    },
    turnAway: () => turnAwayFrom(current()),
    close(): void {
      for (const member of members) member.close();
    },
  };
}

/** How many answers in a row may be of the past before it is taken for the present. */
const PAST_ANSWERS_MAX = 10;

/**
 * etcd's revision never decreases for one who reads it; a member that fell behind, or data that
 * were restored from a backup, would show the past as the present (etcd-io/etcd#20418).
 */
function createTimeGuard() {
  let seen = 0n;
  let pastAnswers = 0;

  function assertForward(revision: bigint, seenBefore: bigint): void {
    if (revision >= seenBefore) {
      pastAnswers = 0;
      if (revision > seen) seen = revision;
      return;
    }
    const past = `etcd answers with revision ${revision} after ${seenBefore}`;
    const remedy = "was it restored from a backup? then start anew";
    pastAnswers += 1;
    if (pastAnswers >= PAST_ANSWERS_MAX) throw new StoreError(`${past}: ${remedy}`);
    throw unavailable("PAST", past);
  }

  /** Call it before a request, and the result with the answer. */
  return (method: DescMethodUnary) => {
    const seenBefore = seen;
    return (message: unknown): void => {
      const { header } = message as { header?: ResponseHeader };
      if (method.parent === KV && header) assertForward(header.revision, seenBefore);
    };
  };
}
