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

export const LABELS_MAX = 64;
export const LABEL_VALUE_CHARACTERS_MAX = 256;

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

/** PID_MAX_LIMIT of 64-bit Linux. */
export const PIDS_MAX = 2 ** 22;

/** Enough for any server, and it stops a fork bomb. Docker itself sets no limit. */
export const PIDS_DEFAULT = 512;

/** As Docker's own. */
export const STOP_GRACE_DEFAULT_SECONDS = 10;

/** A stop that takes longer holds up a drain for good. */
export const STOP_GRACE_SECONDS_MAX = 3600;

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
