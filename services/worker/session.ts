import type { Endpoint } from "../../gen/berth/v1/endpoint_pb.ts";
import { RegistryService } from "../../gen/berth/v1/registry_service_pb.ts";
import type { WorkerDescription, WorkerMetrics } from "../../gen/berth/v1/worker_pb.ts";
import { createBell } from "../../lib/bell.ts";
import type { Clock } from "../../lib/clock.ts";
import { reasonOf, retryMsOf } from "../../lib/errors.ts";
import type { Gate } from "../../lib/gate.ts";
import type { Log } from "../../lib/log.ts";
import { type Random, randomWord } from "../../lib/random.ts";
import { createBackoff } from "../../lib/retry.ts";
import { createClient } from "../../lib/rpc/client.ts";
import type { Contact, Contacts } from "../../lib/rpc/contacts.ts";
import { type ConnectionDeps, holdSession } from "./session-connection.ts";
import { createNerves } from "./session-patience.ts";
import { unlessAborted } from "./worker-gate.ts";
import { createImpatientMeter } from "./worker-metrics.ts";

export type SessionDeps = Readonly<{
  /** The ways to the registries. */
  registries: Contacts;
  workerId: string;
  /** What the worker says of itself; asked for at every registration. May take its time. */
  describe: () => Promise<WorkerDescription>;
  measure: () => Promise<WorkerMetrics>;
  /** All that the worker serves now. */
  endpoints: () => readonly Endpoint[];
  /** The registry has answered a word that was sent at `sentMs` of the monotonic clock. */
  onAnswer: (sentMs: number, leaseMs: number) => void;
  /** Bounds how many workers of one process register at once. */
  gate: Gate;
  clock: Clock;
  random: Random;
  log: Log;
}>;

/** The worker's word to the registry. */
export interface Session {
  /** Keeps a session open until `signal` aborts, then says goodbye. Never rejects. */
  run(signal: AbortSignal): Promise<void>;
  /** Has the registry told at once what the worker serves. */
  endpointsChanged(): void;
}

/** Tells this life of the process from the one before and from a clone. */
const INSTANCE_ID_LENGTH = 20;

const RETRY_MS_FIRST = 200;

/** A fraction of any lease: a few broken connections in a row must not make a worker a lost one. */
export const RETRY_MS_CAP = 1_000;

const STABLE_MS = 30_000;

/**
 * Another worker has this worker's name: that takes a human, and until then patience. The first
 * time it may be this worker's own earlier life, of whose end the registry does not know yet:
 * then it is over when its lease is.
 */
export const DUPLICATE_RETRY_MS = 30_000;

type Connection = Omit<ConnectionDeps, "client" | "patience" | "sessionNumber">;

export function createSession(deps: SessionDeps): Session {
  const { clock, random } = deps;
  const stir = createBell(clock);
  let version = 0;
  const connection: Connection = {
    ...deps,
    instanceId: randomWord(random, INSTANCE_ID_LENGTH),
    measure: createImpatientMeter(deps),
    stir,
    endpointsVersion: () => version,
  };
  return {
    endpointsChanged() {
      version++;
      stir.ring();
    },
    run: (signal) => keepSession(deps, connection, signal),
  };
}

async function keepSession(
  { clock, random, log, describe, registries, gate }: SessionDeps,
  connection: Connection,
  signal: AbortSignal,
): Promise<void> {
  const retry = { firstMs: RETRY_MS_FIRST, capMs: RETRY_MS_CAP, stableMs: STABLE_MS };
  const backoff = createBackoff({ ...retry, random, clock });
  const nerves = createNerves(clock);
  let duplicates = 0;
  let sessionNumber = 0n;

  /** Returns why the session ended, or was not even begun. */
  async function hold({ channel, hasChoice }: Contact, endTurn: () => void): Promise<unknown> {
    const client = createClient(RegistryService, channel);
    const patience = nerves.patience(hasChoice);
    try {
      const description = await unlessAborted(describe(), signal);
      if (!description) return undefined;
      sessionNumber += 1n;
      const onAnswer: SessionDeps["onAnswer"] = (...answer) => {
        endTurn();
        connection.onAnswer(...answer);
      };
      const session = { ...connection, client, patience, description, sessionNumber, onAnswer };
      return await holdSession(session, signal);
    } catch (error) {
      return error;
    } finally {
      channel.close();
    }
  }

  /** Each over a connection of its own: where the last one only fell silent, so would the next. */
  async function call(): Promise<unknown> {
    const endTurn = await gate.enter();
    try {
      if (signal.aborted) return undefined;
      // Whoever knows of another worker is the one to ask whether it has gone.
      const contact = await (duplicates > 0 ? registries.again(signal) : registries.next(signal));
      return await hold(contact, endTurn);
    } catch (error) {
      return error;
    } finally {
      endTurn();
    }
  }

  while (!signal.aborted) {
    const err = await call();
    if (signal.aborted) return;
    nerves.lose(err);
    const isDuplicate = reasonOf(err) === "DUPLICATE_WORKER";
    duplicates = isDuplicate ? duplicates + 1 : 0;
    if (isDuplicate) log.error({ err }, "another worker has this worker's name");
    else log.warn({ err }, "registry session lost");
    await clock.sleep(isDuplicate ? timeToWait(err, duplicates) : backoff.next(), signal);
  }
}

const timeToWait = (error: unknown, duplicates: number): number =>
  duplicates === 1
    ? Math.min(DUPLICATE_RETRY_MS, retryMsOf(error) ?? DUPLICATE_RETRY_MS)
    : DUPLICATE_RETRY_MS;
