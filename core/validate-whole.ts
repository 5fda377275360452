import type { Message } from "@bufbuild/protobuf";
import type { Constraint } from "../gen/berth/v1/affinity_pb.ts";
import type { Probe } from "../gen/berth/v1/probe_pb.ts";
import type { TaskSpec } from "../gen/berth/v1/task_pb.ts";
import { type Violations, violation } from "./validate.ts";
import { quote, utf8Length } from "./validate-text.ts";

/** Tag and length of a field, generously. */
const FIELD_BYTES = 4;

/** An upper bound of an entry that holds numbers only: a port is the biggest. */
const NUMBERS_BYTES = 32;

/**
 * About how many bytes a spec takes when encoded, at least what its texts take. Encoding it only
 * to measure it would cost more than all other checks together.
 */
export function specBytes(spec: TaskSpec): number {
  const { name, image, workingDir, user, stopSignal, platform, scheduler } = spec;
  const texts = [name, image, workingDir, user, stopSignal, platform, scheduler];
  return (
    textBytes([...texts, ...spec.command, ...spec.args, ...spec.ports.map((port) => port.name)]) +
    mapBytes(spec.env) +
    mapBytes(spec.labels) +
    spec.ports.length * NUMBERS_BYTES +
    textBytes(customTexts(spec)) +
    textBytes(probesOf(spec).flatMap(([, probe]) => probeTexts(probe))) +
    textBytes(spec.constraints.flatMap(constraintTexts)) +
    textBytes(spec.affinities.flatMap(({ constraint }) => constraintTexts(constraint))) +
    textBytes(spec.spreads.map(({ key }) => key)) +
    spec.taskAffinities.reduce((bytes, near) => bytes + mapBytes(near.matchLabels), 0) +
    textBytes(spec.taskAffinities.map(({ key }) => key))
  );
}

const constraintTexts = (constraint: Constraint | undefined): readonly string[] =>
  constraint ? [constraint.key, ...constraint.values] : [];

/** Names, and the IDs that do not belong there. */
const customTexts = ({ reservation }: TaskSpec): readonly string[] =>
  Object.entries(reservation?.custom ?? {}).flatMap(([name, { ids }]) => [name, ...ids]);

/** The probes that a spec has, by the name of their field. */
const probesOf = (spec: TaskSpec): readonly (readonly [field: string, probe: Probe])[] => {
  const { startupProbe, livenessProbe, readinessProbe } = spec;
  return [
    ...(startupProbe ? [["startup_probe", startupProbe] as const] : []),
    ...(livenessProbe ? [["liveness_probe", livenessProbe] as const] : []),
    ...(readinessProbe ? [["readiness_probe", readinessProbe] as const] : []),
  ];
};

function probeTexts({ check }: Probe): readonly string[] {
  switch (check.case) {
    case "exec":
      return check.value.command;
    case "http":
      return [check.value.path];
    case "grpc":
      return [check.value.service];
    default:
      return [];
  }
}

const textBytes = (texts: readonly string[]): number =>
  texts.reduce((bytes, text) => bytes + FIELD_BYTES + utf8Length(text), 0);

const mapBytes = (map: Readonly<Record<string, string>>): number =>
  Object.keys(map).length * FIELD_BYTES + textBytes(Object.entries(map).flat());

/** Fields that this version of the contract does not know are refused, never ignored. */
export function* checkUnknownFields(spec: TaskSpec): Violations {
  yield* checkUnknown("spec", spec);
  yield* checkUnknown("spec.reservation", spec.reservation);
  for (const [name, resource] of Object.entries(spec.reservation?.custom ?? {})) {
    yield* checkUnknown(`spec.reservation.custom[${quote(name)}]`, resource);
  }
  yield* checkUnknown("spec.limit", spec.limit);
  yield* checkUnknownEach("spec.ports", spec.ports);
  yield* checkUnknown("spec.restart_policy", spec.restartPolicy);
  yield* checkUnknownEach("spec.constraints", spec.constraints);
  yield* checkUnknownEach("spec.affinities", spec.affinities);
  for (const [index, { constraint }] of spec.affinities.entries())
    yield* checkUnknown(`spec.affinities[${index}].constraint`, constraint);
  yield* checkUnknownEach("spec.spreads", spec.spreads);
  yield* checkUnknownEach("spec.task_affinities", spec.taskAffinities);
  for (const [name, probe] of probesOf(spec)) {
    yield* checkUnknown(`spec.${name}`, probe);
    yield* checkUnknown(`spec.${name}.${probe.check.case}`, probe.check.value);
  }
}

function* checkUnknownEach(field: string, messages: readonly Message[]): Violations {
  for (const [index, message] of messages.entries())
    yield* checkUnknown(`${field}[${index}]`, message);
}

function* checkUnknown(field: string, message: Message | undefined): Violations {
  const unknown = message?.$unknown ?? [];
  if (unknown.length === 0) return;
  const numbers = [...new Set(unknown.map(({ no }) => no))].slice(0, 10).join(", ");
  yield violation(field, `has unknown fields, by number: ${numbers}: leave them out or upgrade`);
}
