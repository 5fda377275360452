import { metaKeys } from "../../core/assignment-place.ts";
import type { Entry, Write } from "../../lib/store/store.ts";

/** From when on it is known how the cluster was. */
export type Horizon = Readonly<{
  /** Since this revision every change left a version of its task. */
  beganRevision: bigint;
  /** The earliest revision, and its time in milliseconds since the Unix epoch, that can be told of. */
  revision: bigint;
  ms: number;
}>;

/** Of a ledger whose whole history is known. */
export const NO_HORIZON: Horizon = { beganRevision: 0n, revision: 0n, ms: 0 };

/**
 * As stored, with the epoch whose leader keeps the history: an earlier version of Berth that led in
 * between has kept none, and so the history begins anew.
 */
export function encodeHorizon(horizon: Horizon, epoch: bigint): Uint8Array {
  const [beganRevision, revision] = [String(horizon.beganRevision), String(horizon.revision)];
  const text = JSON.stringify({ epoch: String(epoch), beganRevision, revision, ms: horizon.ms });
  return new TextEncoder().encode(text);
}

export const putHorizon = (horizon: Horizon, epoch: bigint): Write => ({
  kind: "put",
  key: metaKeys.history,
  value: encodeHorizon(horizon, epoch),
});

export function readHorizon(
  entry: Pick<Entry, "value"> | undefined,
): (Horizon & Readonly<{ epoch: bigint }>) | undefined {
  if (!entry) return undefined;
  const { epoch, beganRevision, revision, ms } = JSON.parse(new TextDecoder().decode(entry.value));
  return {
    epoch: BigInt(epoch),
    beganRevision: BigInt(beganRevision),
    revision: BigInt(revision),
    ms,
  };
}
