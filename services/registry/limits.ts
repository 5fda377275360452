/** What a registry holds at most, and how long it waits. */
export const registryLimits = {
  /** Workers that are up at the same time. */
  workersUp: 10_000,
  /** Workers that are down or have left and are still listed; the one longest gone goes first. */
  workersDeparted: 1_000,
  /** Watches at the same time. */
  watches: 64,
  /** Other registries, and how many of them may watch. */
  peers: 16,
  /** Changes that wait for one watcher: room for every worker twice, once up and once departed. */
  newsWaiting: 25_000,
  /** Workers in one message: most take less than 1 KiB. */
  workersPerMessage: 500,
  /** Bytes of workers in one message, a quarter of the 4 MiB that a message may have. */
  bytesPerMessage: 1_048_576,
  /** Until a new session must have registered. */
  registrationMs: 5_000,
  /**
   * Silence of a peer after which it is called anew: pulses come every second, and its workers'
   * leases run on meanwhile.
   */
  peerSilenceMs: 3_000,
  /**
   * For how long routine heartbeats are gathered for peers: what dies with the registry before it is
   * told makes its workers look silent for an interval longer than they were.
   */
  peerGatherMs: 50,
  /** How often names of peers are looked up. */
  peerLookupMs: 10_000,
  /** How often an address is tried at which this registry itself was found. */
  peerSelfMs: 30_000,
  /** How often a watch without news says that it is alive. */
  pulseMs: 1_000,
  /** Endpoints of one worker. */
  endpointsPerWorker: 10_000,
  /** Bytes of one worker's endpoints that peers are told: room is left for the worker itself. */
  endpointBytesToPeers: 3_145_728,
  /** Labels, capabilities and roles of one worker, each. */
  listEntries: 64,
  /** Characters of a name, a version, a label's key or value, a reason. */
  textChars: 256,
  /**
   * Hosts whose addresses are asked for at the same time, for DNS: fewer than the threads of Node,
   * which others need too while a resolver hangs.
   */
  hostLookups: 2,
  /** Hosts that wait to be asked for: those of all workers and services. */
  hostLookupsWaiting: 20_000,
} as const;
