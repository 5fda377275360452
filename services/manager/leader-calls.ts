import type { DescMethodUnary, Message } from "@bufbuild/protobuf";
import { Code, ConnectError, type HandlerContext } from "@connectrpc/connect";
import { createBell } from "../../lib/bell.ts";
import type { Clock } from "../../lib/clock.ts";
import { reasonOf, unavailable } from "../../lib/errors.ts";
import { callTagsOf } from "../../lib/rpc/call-tags.ts";
import type { Channel } from "../../lib/rpc/channel.ts";
import { isNotSent } from "../../lib/rpc/connection-refused.ts";
import { applicationHeaders } from "../../lib/rpc/metadata.ts";
import { formatTraceparent, TRACEPARENT } from "../../lib/trace/trace-context.ts";
import { RoleOverError } from "./role.ts";

/** Says of a call that another manager passed it on: it is not passed on again. */
const FORWARDED = "berth-forwarded";

const NOT_LEADER = "NOT_LEADER";

/** How long a call waits for somebody to lead, where its own deadline is not earlier. */
const WAIT_MS_MAX = 4_000;
const RETRY_MS = 500;
/** Between two tries to reach the same leader, which does not listen. */
const REPEAT_MS = 200;

type Deps = Readonly<{
  /** This manager's own name among candidates. */
  name: string;
  connect: (address: string) => Channel;
  clock: Clock;
  /** Aborts when this manager is no longer one that waits. */
  over: AbortSignal;
}>;

/** Calls that a manager passes on because it does not lead, as their caller made them. */
export interface LeaderCalls {
  /** Who leads has been learnt; undefined when nobody does or nobody can tell. */
  setLeader(address: string | undefined): void;
  leader(): string | undefined;
  /** Throws a `RoleOverError` when this manager leads before the call was sent. */
  call(method: DescMethodUnary, request: Message, context: HandlerContext): Promise<Message>;
  /** As `call`, of a question: undefined when nobody is known to lead, or does not answer. */
  ask(
    method: DescMethodUnary,
    request: Message,
    context: HandlerContext,
  ): Promise<Message | undefined>;
  close(): void;
}

export function createLeaderCalls({ name, connect, clock, over }: Deps): LeaderCalls {
  let channel: Channel | undefined;
  let waiting = new Set<() => void>();

  function setLeader(address: string | undefined): void {
    const other = address === name ? undefined : address;
    if (other === channel?.address) return;
    channel?.close();
    channel = other === undefined ? undefined : connect(other);
    const woken = waiting;
    waiting = new Set();
    for (const wake of woken) wake();
  }

  /** Waits until there is another leader, or as long as given. */
  async function change(signal: AbortSignal, limitMs: number): Promise<void> {
    const bell = createBell(clock);
    waiting.add(bell.ring);
    await bell.wait(AbortSignal.any([signal, over]), limitMs);
    waiting.delete(bell.ring);
  }

  /** Makes the call to whoever leads, as soon as somebody does who can be reached. */
  async function send(call: Call, endMs: number): Promise<Message> {
    const leftMs = endMs - clock.monotonic();
    const { signal } = call.context;
    if (over.aborted) throw new RoleOverError("this manager may lead now");
    if (leftMs <= 0 || signal.aborted) throw noLeader();
    const answer = channel && (await callOf(call, channel, name).catch(unlessMade));
    if (answer) return answer;
    await change(signal, channel ? Math.min(leftMs, REPEAT_MS) : leftMs);
    return send(call, endMs);
  }

  return {
    setLeader,
    leader: () => channel?.address,
    async call(method, request, context) {
      if (context.requestHeader.has(FORWARDED)) throw notLeader(channel?.address);
      return send({ method, request, context }, clock.monotonic() + WAIT_MS_MAX);
    },
    async ask(method, request, context) {
      if (!channel || context.requestHeader.has(FORWARDED)) return undefined;
      return callOf({ method, request, context }, channel, name).catch(unlessOutOfReach);
    },
    close: () => channel?.close(),
  };
}

type Call = Readonly<{ method: DescMethodUnary; request: Message; context: HandlerContext }>;

async function callOf({ method, request, context }: Call, to: Channel, name: string) {
  const { signal, requestHeader, timeoutMs } = context;
  const headers = applicationHeaders(requestHeader);
  headers.set(FORWARDED, name);
  const { trace } = callTagsOf(context.values);
  if (trace) headers.set(TRACEPARENT, formatTraceparent(trace));
  const { message } = await to.unary(method, signal, timeoutMs(), headers, request);
  return message;
}

/** A call that was not sent, or that another one refused because it does not lead, was not made. */
function unlessMade(error: unknown): undefined {
  if (!isNotSent(error) && reasonOf(error) !== NOT_LEADER) throw error;
}

function unlessOutOfReach(error: unknown): undefined {
  if (ConnectError.from(error).code !== Code.Unavailable) throw error;
}

const noLeader = () =>
  unavailable("NO_LEADER", "no manager leads at the moment: try again", { retryMs: RETRY_MS });

/** The one who passed it on took this manager for the leader, which it is no longer. */
const notLeader = (leader: string | undefined) =>
  unavailable(NOT_LEADER, "this manager does not lead: try again", {
    retryMs: RETRY_MS,
    ...(leader !== undefined && { metadata: { leader } }),
  });
