import { create } from "@bufbuild/protobuf";
import { type PublishedPort, PublishedPortSchema } from "../../gen/berth/v1/task_pb.ts";
import {
  keyFromLabels,
  type LabelledPort,
  nameFromLabels,
  parsePortId,
  portsFromLabels,
} from "./container-labels.ts";
import { isJson, type Json, jsonAt, listAt, numberAt, textAt } from "./engine-json.ts";
import { parseEngineTimeMs } from "./engine-time.ts";
import type { ContainerFacts } from "./runtime.ts";
import { ordersFromLabels } from "./standing-orders.ts";

/**
 * Reads what the engine says of a container. Undefined when its labels are not Berth's.
 * `hostAddress` is where ports can be reached that are bound to no address in particular.
 */
export function containerFacts(inspected: Json, hostAddress: string): ContainerFacts | undefined {
  const labels = labelsIn(jsonAt(inspected, "Config"));
  const key = keyFromLabels(labels);
  if (!key) return undefined;
  return {
    containerId: textAt(inspected, "Id"),
    key,
    name: nameFromLabels(labels),
    image: textAt(jsonAt(inspected, "Config"), "Image"),
    imageId: textAt(inspected, "Image"),
    orders: ordersFromLabels(labels),
    state: stateOf(inspected, portsFromLabels(labels), hostAddress),
  };
}

/** The labels in an object that has some under `Labels`. */
export const labelsIn = (json: Json): Readonly<Record<string, string>> =>
  textsIn(jsonAt(json, "Labels"));

/** The fields that are text. */
export const textsIn = (json: Json): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.keys(json).map((field) => [field, textAt(json, field)]));

function stateOf(
  inspected: Json,
  asked: readonly LabelledPort[],
  hostAddress: string,
): ContainerFacts["state"] {
  const state = jsonAt(inspected, "State");
  const startTimeMs = parseEngineTimeMs(textAt(state, "StartedAt"));
  if (isRunning(textAt(state, "Status")) && startTimeMs !== undefined) {
    const address = addressOf(inspected);
    const ports = publishedPorts(inspected, asked, hostAddress);
    return { kind: "running", startTimeMs, ports, ...(address && { address }) };
  }
  if (isNeverStarted(inspected)) return { kind: "created" };
  return { kind: "exited", exit: exitOf(state) };
}

/** A container whose start failed is still "created"; only the error tells. */
export function isNeverStarted(inspected: Json): boolean {
  const state = jsonAt(inspected, "State");
  return textAt(state, "Status") === "created" && textAt(state, "Error") === "";
}

/**
 * The container's own address, and no other: on the machine's own network that is the machine
 * itself. Empty without a network.
 */
function addressOf(inspected: Json): string {
  const mode = textAt(jsonAt(inspected, "HostConfig"), "NetworkMode");
  if (mode === "host") return "127.0.0.1";
  const networks = jsonAt(jsonAt(inspected, "NetworkSettings"), "Networks");
  const [name = ""] = Object.keys(networks);
  const network = jsonAt(networks, name);
  return textAt(network, "IPAddress") || textAt(network, "GlobalIPv6Address");
}

/** A paused container lives; one that is being restarted is about to. */
const isRunning = (status: string) => ["running", "paused", "restarting"].includes(status);

/** On cgroup v1 the engine sets `OOMKilled` also when only a child of the process was killed. */
const exitOf = (state: Json) => ({
  exitCode: numberAt(state, "ExitCode"),
  oomKilled: state["OOMKilled"] === true,
  error: textAt(state, "Error"),
  startTimeMs: parseEngineTimeMs(textAt(state, "StartedAt")),
  finishTimeMs: parseEngineTimeMs(textAt(state, "FinishedAt")),
});

/**
 * Whether an exit may yet turn out to be for want of memory. The engine learns of the want and of the
 * exit from two sources, in either order, so what is said of a container with a memory limit that
 * died of SIGKILL just now is not settled.
 */
export function isMemoryInDoubt(inspected: Json, nowMs: number): boolean {
  const state = jsonAt(inspected, "State");
  const { exitCode, oomKilled, finishTimeMs = 0 } = exitOf(state);
  const hasLimit = numberAt(jsonAt(inspected, "HostConfig"), "Memory") > 0;
  const isKilled = exitCode === SIGKILL_EXIT && !isRunning(textAt(state, "Status"));
  return hasLimit && isKilled && !oomKilled && nowMs - finishTimeMs < RECENT_MS;
}

/** A busy engine tells of an exit seconds after it. */
const RECENT_MS = 10_000;

/** 128 + SIGKILL, which is what the kernel kills with. */
const SIGKILL_EXIT = 137;

function publishedPorts(
  inspected: Json,
  asked: readonly LabelledPort[],
  hostAddress: string,
): readonly PublishedPort[] {
  if (textAt(jsonAt(inspected, "HostConfig"), "NetworkMode") === "host") {
    return asked.map((port) => publishedPort(port, { hostPort: port.containerPort, hostAddress }));
  }
  const bindings = jsonAt(jsonAt(inspected, "NetworkSettings"), "Ports");
  const nameOf = (port: Omit<LabelledPort, "name">) =>
    asked.find((a) => a.containerPort === port.containerPort && a.protocol === port.protocol)?.name;
  return Object.keys(bindings).flatMap((id) => {
    const port = parsePortId(id);
    const named = { ...port, name: nameOf(port) ?? "" };
    return listAt(bindings, id)
      .filter(isJson)
      .map((binding) => publishedPort(named, placeOf(binding, hostAddress)));
  });
}

type Place = Readonly<{ hostPort: number; hostAddress: string }>;

const publishedPort = (port: LabelledPort, place: Place) =>
  create(PublishedPortSchema, { ...port, ...place });

/** What the engine calls "every address of the host". */
const WILDCARDS = ["", "0.0.0.0", "::"];

function placeOf(binding: Json, hostAddress: string): Place {
  const bound = textAt(binding, "HostIp");
  return {
    hostPort: Number(textAt(binding, "HostPort")),
    hostAddress: WILDCARDS.includes(bound) ? hostAddress : bound,
  };
}
