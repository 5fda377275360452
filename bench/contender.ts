/** The network that a container gets. */
export type Network = "host" | "bridge";

/** When things happened, in milliseconds since the Unix epoch. */
export type StartTimes = Readonly<{
  /** Just before the call that asked for the container. */
  askedMs: number;
  /** The engine's `create` event. */
  createdMs: number;
  /** When the one who asked could know that it runs. */
  visibleMs: number;
}>;

export type BurstTimes = Readonly<{
  askedMs: number;
  /** The engine's last `start` event. */
  lastStartedMs: number;
}>;

/** One way to run containers on one engine. Every run cleans up after itself. */
export interface Contender {
  readonly name: string;
  /** Starts one container. */
  startOne(network: Network): Promise<StartTimes>;
  /** Starts many containers at once. */
  startMany(network: Network, count: number): Promise<BurstTimes>;
  close(): Promise<void>;
}
