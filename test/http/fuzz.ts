import { Agent, request as httpRequest, type IncomingMessage } from "node:http";
import { createSeededRandom } from "../../lib/random.ts";
import { createDice } from "./dice.ts";
import type { OpenApi } from "./document.ts";
import { createJudge, type Heard } from "./judge.ts";
import { createShooter, type Shot } from "./shots.ts";

/** What a run found. */
export type Findings = Readonly<{
  /** What was wrong, with the request that showed it. At most `PROBLEMS_MAX`. */
  problems: readonly string[];
  /** Answers by service, operation and status: `manager submitTask 200`. */
  counts: ReadonlyMap<string, number>;
}>;

type Options = Readonly<{
  urls: Readonly<Record<string, string>>;
  requests: number;
  seed: number;
}>;

const PROBLEMS_MAX = 10;

/** Values of a name that are remembered, the newest. */
const MEMORY = 20;

/** Values that mean something from the start. */
const HINTS: Readonly<Record<string, readonly string[]>> = {
  image: ["web:1", "fake:after-5.exit-3", "fake:remote", "fake:missing", "fake:ignores"],
  name: ["web", "api"],
  workerId: ["w1"],
  scheduler: ["spread", "binpack", "round-robin"],
  service: ["", "berth.v1.ManagerService", "berth.v1.WorkerService"],
  updateMask: ["availability", "labels", "availability,labels"],
  memoryBytes: ["67108864"],
  cpuMillis: ["100"],
  requestId: ["r1", "r2", "r3"],
  checkIndex: [""],
  attempt: ["1"],
  platform: ["linux/amd64"],
  user: ["root"],
  networkMode: ["NETWORK_MODE_BRIDGE"],
  epoch: ["1"],
};

/** Fires seeded requests, made from the documents that the servers offer, and judges the answers. */
export async function fuzz({ urls, requests, seed }: Options): Promise<Findings> {
  const dice = createDice(createSeededRandom(seed));
  const agent = new Agent({ keepAlive: true });
  const memory = createMemory();
  const targets = await Promise.all(
    Object.entries(urls).map(async ([service, url]) => {
      const document = (await (await fetch(`${url}/openapi.json`)).json()) as OpenApi;
      const shoot = createShooter({ dice, document, known: memory.known });
      const { length } = Object.keys(document.paths);
      return { service, url, shoot, judge: createJudge(document), length };
    }),
  );
  // Who offers more is asked more.
  const weighted = targets.flatMap((target) => Array.from({ length: target.length }, () => target));
  for (const { url } of targets) memory.learn(await (await fetch(`${url}/cluster`)).text());
  const counts = new Map<string, number>();
  const problems: string[] = [];
  for (let i = 0; i < requests && problems.length < PROBLEMS_MAX; i++) {
    const { service, url, shoot, judge } = dice.pick(weighted);
    const shot = shoot();
    const heard = await fire(url, shot, agent);
    const name = `${service} ${shot.operation?.id ?? "astray"} ${heard.status}`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
    memory.learn(heard.text);
    const problem = judge(shot, heard);
    if (problem)
      problems.push(`#${i} ${service}: ${problem}: ${asCurl(shot)} => ${heard.text.slice(0, 300)}`);
  }
  agent.destroy();
  return { problems, counts };
}

function createMemory() {
  const seen = new Map<string, string[]>();
  function learn(name: string, value: string): void {
    const values = seen.get(name) ?? [];
    if (values.includes(value)) return;
    seen.set(name, [value, ...values].slice(0, MEMORY));
  }
  return {
    known: (name: string) => [...(HINTS[name] ?? []), ...(seen.get(name) ?? [])],
    /** Takes the names and tokens that an answer holds. */
    learn(text: string): void {
      const [, clusterId] = /"cluster":\{"id":"(\w+)"/.exec(text) ?? [];
      if (clusterId) learn("clusterId", clusterId);
      for (const [, time = ""] of text.matchAll(/"createTime":"([^"]{1,64})"/g))
        for (const name of ["atTime", "fromTime"]) learn(name, time);
      for (const [, name = "", value = ""] of text.matchAll(/"(\w+)":"([\w=-]{1,64})"/g)) {
        if (name === "id") learn("taskId", value);
        if (name === "id") learn("taskIds", value);
        if (name === "nextPageToken") learn("pageToken", value);
        if (["taskId", "clusterId", "epoch", "checkIndex"].includes(name)) learn(name, value);
      }
    },
  };
}

/** Sends the path as it stands: a URL would lose its dots. */
const fire = (base: string, { verb, url, headers, body }: Shot, agent: Agent): Promise<Heard> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(base);
    const options = { hostname, port, path: url, method: verb, headers, agent };
    const sent = httpRequest(options, (answer) => {
      hear(answer).then(resolve, reject);
    });
    sent.on("error", reject);
    sent.end(body);
  });

async function hear(answer: IncomingMessage): Promise<Heard> {
  let text = "";
  let isCut = false;
  try {
    for await (const chunk of answer) text += chunk;
  } catch {
    isCut = true;
  }
  const { statusCode: status = 0 } = answer;
  const headers = answer.headers as Record<string, string | undefined>;
  return { status, headers, text, isCut };
}

function asCurl({ verb, url, headers, body }: Shot): string {
  const given = Object.entries(headers).map(([name, value]) => `-H '${name}: ${value}'`);
  const data = body ? [`-d '${body.toString().slice(0, 1_000)}'`] : [];
  return ["curl", "-X", verb, ...given, ...data, `'${url}'`].join(" ");
}
