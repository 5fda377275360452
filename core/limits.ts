/**
 * What a task may ask for at most and must ask for at least. Where a limit is not Berth's own
 * choice, its comment names the source.
 */

/** A DNS label: RFC 1035, 2.3.4. */
export const NAME_LENGTH_MAX = 63;

/** IDs of tasks, workers and clusters. A UUID fits, and so does a label with a suffix. */
export const ID_LENGTH_MAX = 64;

/** A UUID or a trace ID with a prefix fits. */
export const REQUEST_ID_LENGTH_MAX = 128;

export const PAGE_SIZE_DEFAULT = 100;

/** A thousand tasks of ordinary size stay below gRPC's default message limit of 4 MiB. */
export const PAGE_SIZE_MAX = 1000;

/** Host and path of an image reference: `RepositoryNameTotalLengthMax` of distribution/reference. */
export const IMAGE_NAME_LENGTH_MAX = 255;

/** A tag of an image reference: grammar of distribution/reference. */
export const IMAGE_TAG_LENGTH_MAX = 128;

/** Command and arguments together. Linux allows more; a spec is stored and sent many times. */
export const ARGUMENTS_MAX = 256;
export const ARGUMENTS_BYTES_MAX = 64 * 1024;

export const ENV_ENTRIES_MAX = 512;
export const ENV_BYTES_MAX = 64 * 1024;

/** PATH_MAX of Linux, without the closing NUL. */
export const PATH_BYTES_MAX = 4095;

/** LOGIN_NAME_MAX of Linux, without the closing NUL. */
export const USER_NAME_LENGTH_MAX = 255;

/** The greatest user and group ID that runc accepts. */
export const USER_ID_MAX = 2 ** 31 - 1;

/** Bytes in one word to a process's input: so a handful of them in flight are little. */
export const INPUT_BYTES_MAX = 64 * 1024;

/** What `TIOCSWINSZ` can say. */
export const TERMINAL_SIZE_MAX = 65_535;

/** Tasks whose logs are read together. Each holds a stream to its worker. */
export const LOG_TASKS_MAX = 100;

export const LABELS_MAX = 64;
export const LABEL_VALUE_CHARACTERS_MAX = 256;

export const CONSTRAINTS_MAX = 32;
export const CONSTRAINT_VALUES_MAX = 64;
export const AFFINITIES_MAX = 32;
export const AFFINITY_WEIGHT_MAX = 100;
export const SPREADS_MAX = 4;
export const SKEW_MAX = 1_000;
export const TASK_AFFINITIES_MAX = 16;
export const MATCH_LABELS_MAX = 16;
export const MAX_PER_WORKER_MAX = 10_000;
export const PRIORITY_MAX = 1_000;

export const PORTS_MAX = 64;
export const PORT_MAX = 65_535;

/** Below a hundredth of a core the kernel's CPU quota (1 ms of 100 ms) cannot go. */
export const CPU_MILLIS_MIN = 10;

/** 4096 cores: more than a machine has, so a greater number is a mistake of units. */
export const CPU_MILLIS_MAX = 4_096_000;

/** The least the container engine accepts. */
export const MEMORY_BYTES_MIN = 6 * 1024 * 1024;

/**
 * 1 PiB: more memory or disk than a machine has, so a greater number is a mistake of units. It is
 * also small enough for sums of amounts to be exact in a double.
 */
export const AMOUNT_BYTES_MAX = 2 ** 50;

/** Kinds of custom resources that a worker offers or a task reserves, and named things of a kind. */
export const CUSTOM_KINDS_MAX = 16;
export const CUSTOM_IDS_MAX = 64;

/** A path of a device or a UUID with a prefix fits. */
export const CUSTOM_ID_LENGTH_MAX = 128;

/** More licences than anybody has, so a greater number is a mistake. */
export const CUSTOM_COUNT_MAX = 1_000_000;

/** Percent of what a worker has that may be promised. 100 promises nothing twice. */
export const OVERCOMMIT_PERCENT_MIN = 100;

/** Idle tasks share a core by the dozen; beyond ten times it is a mistake. */
export const CPU_OVERCOMMIT_PERCENT_MAX = 1_000;

/** Memory that is promised to four may be wanted by four, and then tasks are killed. */
export const MEMORY_OVERCOMMIT_PERCENT_MAX = 400;

/** PID_MAX_LIMIT of 64-bit Linux. */
export const PIDS_MAX = 2 ** 22;

/** Enough for any server, and it stops a fork bomb. Docker itself sets no limit. */
export const PIDS_DEFAULT = 512;

/** As Docker's own. */
export const STOP_GRACE_DEFAULT_SECONDS = 10;

/** A stop that takes longer holds up a drain for good. */
export const STOP_GRACE_SECONDS_MAX = 3600;

/** Times of restarts that a task remembers, so also the most restarts that fit into a window. */
export const RESTART_TIMES_MAX = 100;

/** A window that is shorter than a start and an end holds no two restarts. */
export const WINDOW_SECONDS_MIN = 1;
export const WINDOW_SECONDS_MAX = 30 * 24 * 3600;

/** A task that is not tried for an hour is forgotten by those who wait for it. */
export const BACKOFF_SECONDS_MAX = 3600;

export const PLACEMENT_TIMEOUT_SECONDS_MAX = 30 * 24 * 3600;

/** An image that takes longer to fetch is never fetched. */
export const PULL_TIMEOUT_SECONDS_MAX = 24 * 3600;

export const START_TIMEOUT_SECONDS_MAX = 3600;

/** Shorter deadlines would pass before anybody had a chance to act. */
export const TIMEOUT_SECONDS_MIN = 1;

/**
 * How long a worker counts as alive without a word, unless the registry is told otherwise. With
 * the interval below, the worst case from a worker's last word to its tasks running elsewhere is
 * the lease, one question of the manager's and one start: 6 s.
 */
export const LEASE_MS_DEFAULT = 4_000;

/** How often a worker says that it lives: three words may be lost before a lease runs out. */
export const LEASE_INTERVAL_MS_DEFAULT = 1_000;

/**
 * A whole spec, encoded. All other limits together stay below it; it is what bounds the work of
 * looking at a spec that breaks them.
 */
export const SPEC_BYTES_MAX = 256 * 1024;

/**
 * Violations named at once. More would not fit into the 8 KiB that gRPC clients commonly allow for
 * an answer's trailers, and the answer would be lost whole.
 */
export const VIOLATIONS_MAX = 20;

/** As those of the kubelet, but for the timeout: 1 s is too short for a machine that swaps. */
export const PROBE_INTERVAL_DEFAULT_MS = 10_000;
export const PROBE_TIMEOUT_DEFAULT_MS = 3_000;
export const PROBE_FAILURES_DEFAULT = 3;
export const PROBE_SUCCESSES_DEFAULT = 1;

/** A tenth of a second, below which probes are load. Also the least timeout. */
export const PROBE_INTERVAL_MS_MIN = 100;
export const PROBE_INTERVAL_MS_MAX = 3_600_000;
export const PROBE_TIMEOUT_MS_MIN = 100;
export const PROBE_TIMEOUT_MS_MAX = 300_000;
export const PROBE_START_PERIOD_MS_MAX = 3_600_000;
export const PROBE_THRESHOLD_MAX = 100;

export const HTTP_PATH_CHARACTERS_MAX = 2_048;
export const HTTP_STATUSES_MAX = 16;
export const HTTP_STATUS_MIN = 100;
export const HTTP_STATUS_MAX = 599;

/** A probe's command is stored, sent, and kept as a label of the container. */
export const PROBE_COMMAND_MAX = 64;
export const PROBE_COMMAND_BYTES_MAX = 8 * 1024;

export const GRPC_SERVICE_CHARACTERS_MAX = 256;

/** Tasks that one stream of figures names. */
export const STATS_TASKS_MAX = 1_000;

/** Time between two rounds of figures: longer ones are no stream. */
export const STATS_INTERVAL_SECONDS_MAX = 3_600;
