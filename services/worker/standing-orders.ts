import { DNS_NAME_LABEL, dnsNameIn } from "../../core/dns-name.ts";
import { STOP_GRACE_DEFAULT_SECONDS } from "../../core/limits.ts";
import { toMillis } from "../../core/time.ts";
import { OnDisconnect, type TaskSpec } from "../../gen/berth/v1/task_pb.ts";
import { labelsOfProbing, type Probing, probingFromLabels, probingOf } from "./prober-orders.ts";

/**
 * What a worker does with an attempt unasked. Kept in the container's labels: a worker that was
 * restarted knows it without its manager, which may be out of reach just then.
 */
export type StandingOrders = Readonly<{
  /** What becomes of the container when the worker is cut off from the cluster. */
  onDisconnect: Readonly<{ kind: "keep-running" }> | Readonly<{ kind: "stop"; graceMs: number }>;
  /** How it is probed. Absent when the worker has nothing to ask. */
  probing?: Probing;
  /** A further name under which the registry is told of it. */
  alias?: string;
}>;

export function ordersOf(spec: TaskSpec): StandingOrders {
  const probing = probingOf(spec);
  const alias = dnsNameIn(spec.labels);
  return {
    onDisconnect: onDisconnectOf(spec),
    ...(probing && { probing }),
    ...(alias !== undefined && { alias }),
  };
}

function onDisconnectOf({ onDisconnect, stopGrace }: TaskSpec): StandingOrders["onDisconnect"] {
  if (onDisconnect !== OnDisconnect.STOP) return { kind: "keep-running" };
  const graceMs = stopGrace ? toMillis(stopGrace) : STOP_GRACE_DEFAULT_SECONDS * 1_000;
  return { kind: "stop", graceMs };
}

type Labels = Readonly<Record<string, string>>;

const ON_DISCONNECT = "dev.berth.on-disconnect";
const STOP_GRACE_MS = "dev.berth.stop-grace-ms";
const ALIAS = "dev.berth.alias";

/** The orders as labels: none where there is nothing to do. */
export const labelsOfOrders = ({ onDisconnect, probing, alias }: StandingOrders): Labels => ({
  ...(onDisconnect.kind === "stop" && {
    [ON_DISCONNECT]: "stop",
    [STOP_GRACE_MS]: String(onDisconnect.graceMs),
  }),
  ...(probing && labelsOfProbing(probing)),
  ...(alias !== undefined && { [ALIAS]: alias }),
});

/** A grace that somebody has garbled is the usual one; probes and names that are are none. */
export function ordersFromLabels(labels: Labels): StandingOrders {
  const probing = probingFromLabels(labels);
  const alias = dnsNameIn({ [DNS_NAME_LABEL]: labels[ALIAS] ?? "" });
  return {
    onDisconnect: onDisconnectFrom(labels),
    ...(probing && { probing }),
    ...(alias !== undefined && { alias }),
  };
}

function onDisconnectFrom(labels: Labels): StandingOrders["onDisconnect"] {
  if (labels[ON_DISCONNECT] !== "stop") return { kind: "keep-running" };
  const graceMs = Number(labels[STOP_GRACE_MS] || Number.NaN);
  const isGrace = Number.isFinite(graceMs) && graceMs >= 0;
  const usualMs = STOP_GRACE_DEFAULT_SECONDS * 1_000;
  return { kind: "stop", graceMs: isGrace ? graceMs : usualMs };
}
