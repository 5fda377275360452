/** How long the engine may take, and how much is asked of it at a time. */
export type EngineLimits = Readonly<{
  /** For a call that only looks: inspect, list, info, and for a stream to begin. */
  lookMs: number;
  /** Before a second look at an exit: for the engine to learn that want of memory was the cause. */
  memoryDoubtMs: number;
  /** For making a container. Long, because a start storm saturates the engine. */
  createMs: number;
  /** For starting one. */
  startMs: number;
  /** For stopping one, beyond its grace: the kill, and the engine's book-keeping. */
  stopMarginMs: number;
  /** For removing one, with its file system. */
  removeMs: number;
  /** For fetching an image, all in all. Attempts have shorter deadlines of their own. */
  pullMs: number;
  /** For the next sign of progress of a fetch. */
  pullStallMs: number;
  /** For the next piece of logs that exist already. */
  logStallMs: number;
  /** The most creates and starts under way. */
  startsMax: number;
  /** The most inspects under way. */
  inspectsMax: number;
  /** The most measurements of containers under way. Docker waits up to a second for each, idly. */
  statsMax: number;
  /** The most removals under way. */
  removesMax: number;
  /** How often the engine is asked for a sign of life while its events are watched. */
  probeMs: number;
  /** Wait before the first reconnect of the watch; it doubles with each failure. */
  reconnectMsMin: number;
  /** The longest wait before a reconnect. */
  reconnectMsMax: number;
}>;

/**
 * Creates and starts under way for each core. An engine on two cores was fastest with 4 to 8
 * of them (bridged 4, on the host's network 6), and with 16 no faster, but each start took
 * twice as long.
 */
const STARTS_PER_CORE = 3;

export const defaultLimits = (coreCount: number): EngineLimits => ({
  lookMs: 10_000,
  memoryDoubtMs: 500,
  createMs: 60_000,
  startMs: 60_000,
  stopMarginMs: 20_000,
  removeMs: 60_000,
  pullMs: 86_400_000,
  pullStallMs: 60_000,
  logStallMs: 30_000,
  startsMax: STARTS_PER_CORE * coreCount,
  inspectsMax: 8,
  statsMax: 32,
  removesMax: 8,
  probeMs: 15_000,
  reconnectMsMin: 100,
  reconnectMsMax: 5_000,
});
