/** A started service. */
export interface Running {
  /** Where it listens: `host:port`. */
  readonly address: string;
  /** Settles when the service has ended; rejects when it failed and the process should stop. */
  readonly ended: Promise<void>;
  /** Finishes what is under way, then ends. Idempotent. */
  stop(): Promise<void>;
}
