import type { MessageInitShape } from "@bufbuild/protobuf";
import { RegistryService, type SessionRequestSchema } from "../gen/berth/v1/registry_service_pb.ts";
import { systemClock } from "../lib/clock.ts";
import { silentLog } from "../lib/log.ts";
import { openChannel } from "../lib/rpc/channel.ts";
import { createClient } from "../lib/rpc/client.ts";

type Word = NonNullable<MessageInitShape<typeof SessionRequestSchema>["word"]>;

/** How often each worker says that it is there: twice a second, at the default lease of 4 s. */
const BEAT_MS = 500;

/** Workers that are nothing but what they tell a registry, each serving one port of every name. */
export type DnsFleet = Readonly<{ leave: () => void }>;

/** Resolves once the registry knows all of them and all that they serve. */
export async function joinFleet(
  registryAddress: string,
  workerCount: number,
  names: readonly string[],
): Promise<DnsFleet> {
  const channel = openChannel({ address: registryAddress, clock: systemClock, log: silentLog });
  const client = createClient(RegistryService, channel);
  const leaving = new AbortController();

  async function join(number: number): Promise<void> {
    const words = wordsOf(number, names, leaving.signal);
    const answers = client.session(words)[Symbol.asyncIterator]();
    await answers.next();
    await answers.next();
    void listen(answers);
  }

  await Promise.all(Array.from({ length: workerCount }, (_, i) => join(i + 1)));
  return {
    leave() {
      leaving.abort();
      channel.close();
    },
  };
}

/** Reads what comes, until it ends or breaks. */
async function listen(answers: AsyncIterator<unknown>): Promise<void> {
  try {
    while (!(await answers.next()).done);
  } catch {
    // The channel was closed: the fleet has left.
  }
}

async function* wordsOf(number: number, names: readonly string[], left: AbortSignal) {
  yield { word: registrationOf(number) };
  yield { word: heartbeatOf(number, names, 1n) };
  for (let sequence = 2n; !left.aborted; sequence++) {
    await systemClock.sleep(BEAT_MS, left);
    yield { word: { case: "heartbeat", value: { sequence } } satisfies Word };
  }
}

const hostOf = (number: number): string => `10.${number >> 8}.${number & 255}.1`;

const registrationOf = (number: number): Word => ({
  case: "registration",
  value: {
    workerId: `w${number}`,
    instanceId: "bench",
    description: {
      hostname: `w${number}`,
      address: `${hostOf(number)}:7072`,
      os: "linux",
      architecture: "amd64",
      capacity: { cpuMillis: 1n, memoryBytes: 1n, diskBytes: 1n },
    },
  },
});

function heartbeatOf(number: number, names: readonly string[], sequence: bigint): Word {
  const endpoints = names.map((name, i) => ({
    name,
    taskId: `${name}-${number}`,
    attempt: 1,
    host: hostOf(number),
    port: 32_768 + i,
    containerPort: 80,
  }));
  return { case: "heartbeat", value: { sequence, endpoints: { endpoints } } };
}
