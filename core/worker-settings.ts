import { create } from "@bufbuild/protobuf";
import {
  type Worker,
  WorkerAvailability,
  type WorkerSettings,
  WorkerSettingsSchema,
} from "../gen/berth/v1/worker_pb.ts";
import type { Amount } from "./placement/candidate.ts";
import { toMillis, toTimestamp } from "./time.ts";

/** What operators decided about a worker, and when its drain began. */
export type WorkerRecord = Readonly<{
  settings: WorkerSettings;
  /** Milliseconds since the Unix epoch; 0 while the worker does not drain. */
  drainStartMs: number;
}>;

/** What holds for a worker about which nobody has decided anything. */
export const DEFAULT_RECORD: WorkerRecord = {
  settings: create(WorkerSettingsSchema, { availability: WorkerAvailability.ACTIVE }),
  drainStartMs: 0,
};

/** The fields of the settings that a caller may name in a mask, as the contract names them. */
const FIELDS = [
  "availability",
  "labels",
  "reason",
  "drain_timeout",
  "cpu_overcommit_percent",
  "memory_overcommit_percent",
] as const;

export type SettingsPath =
  | Readonly<{ kind: "field"; field: (typeof FIELDS)[number] }>
  | Readonly<{ kind: "label"; key: string }>;

/**
 * What a path of an update mask means (AIP-134, AIP-161): a field, `*` for all that may be written,
 * or one entry of the labels, whose key stands in backticks where it is no plain word. Empty for a
 * path that means nothing here.
 */
export function readSettingsPath(path: string): readonly SettingsPath[] {
  if (path === "*") return FIELDS.map((field) => ({ kind: "field", field }));
  const field = FIELDS.find((name) => name === path);
  if (field) return [{ kind: "field", field }];
  const key = /^labels\.(?:([A-Za-z0-9_]+)|`([^`]+)`)$/.exec(path);
  return key ? [{ kind: "label", key: key[1] ?? key[2] ?? "" }] : [];
}

/** The path that means one label. */
export const labelPath = (key: string): string =>
  /^[A-Za-z0-9_]+$/.test(key) ? `labels.${key}` : `labels.\`${key}\``;

/**
 * The record after an update. Fields that are named and absent from `given` go back to their
 * defaults. A drain's time runs from when the worker began to drain, whatever else changes.
 */
export function updateRecord(
  before: WorkerRecord,
  update: Readonly<{ given: WorkerSettings; paths: readonly SettingsPath[]; now: number }>,
): WorkerRecord {
  const { given, paths, now } = update;
  const settings: WorkerSettings = { ...before.settings, updateTime: toTimestamp(now) };
  for (const path of paths) writePath(settings, given, path);
  const wasDraining = before.settings.availability === WorkerAvailability.DRAINING;
  const isDraining = settings.availability === WorkerAvailability.DRAINING;
  const drainStartMs = wasDraining ? before.drainStartMs : now;
  return { settings, drainStartMs: isDraining ? drainStartMs : 0 };
}

/** `settings` is the caller's own copy. */
function writePath(settings: WorkerSettings, given: WorkerSettings, path: SettingsPath): void {
  if (path.kind === "label") {
    const { [path.key]: _, ...others } = settings.labels;
    const value = given.labels[path.key];
    settings.labels = value === undefined ? others : { ...others, [path.key]: value };
    return;
  }
  switch (path.field) {
    case "availability":
      settings.availability = given.availability;
      return;
    case "labels":
      settings.labels = { ...given.labels };
      return;
    case "reason":
      settings.reason = given.reason;
      return;
    case "drain_timeout":
      delete settings.drainTimeout;
      if (given.drainTimeout) settings.drainTimeout = given.drainTimeout;
      return;
    case "cpu_overcommit_percent":
      settings.cpuOvercommitPercent = given.cpuOvercommitPercent;
      return;
    case "memory_overcommit_percent":
      settings.memoryOvercommitPercent = given.memoryOvercommitPercent;
  }
}

export const isDraining = ({ settings }: WorkerRecord): boolean =>
  settings.availability === WorkerAvailability.DRAINING;

/** When a drain stops waiting, in milliseconds since the Unix epoch. Undefined means never. */
export function drainDeadlineMs(record: WorkerRecord): number | undefined {
  const { drainTimeout } = record.settings;
  return isDraining(record) && drainTimeout
    ? record.drainStartMs + toMillis(drainTimeout)
    : undefined;
}

/** What placement may promise of what a worker has. The same object where nothing is overcommitted. */
export function offeredOf(capacity: Amount, settings: WorkerSettings): Amount {
  const { cpuOvercommitPercent, memoryOvercommitPercent } = settings;
  if (cpuOvercommitPercent === undefined && memoryOvercommitPercent === undefined) return capacity;
  return {
    ...capacity,
    cpuMillis: percentOf(capacity.cpuMillis, cpuOvercommitPercent),
    memoryBytes: percentOf(capacity.memoryBytes, memoryOvercommitPercent),
  };
}

/** Whole, and never beyond the numbers that are exact; so is the way there. */
const percentOf = (amount: number, percent = 100): number =>
  Math.min(Number((BigInt(amount) * BigInt(percent)) / 100n), Number.MAX_SAFE_INTEGER);

/** Why a worker takes no new tasks by its operators' decision. Undefined while it takes them. */
export function refusalOf({ settings }: WorkerRecord): string | undefined {
  if (settings.availability === WorkerAvailability.DRAINING) return "draining";
  if (settings.availability !== WorkerAvailability.PAUSED) return undefined;
  return settings.reason === "" ? "paused" : `paused: ${settings.reason}`;
}

/** The labels that count: the operators' own win over those that the worker registered with. */
export const labelsOf = ({ presence, settings }: Worker): Readonly<Record<string, string>> => ({
  ...presence?.description?.labels,
  ...settings?.labels,
});
