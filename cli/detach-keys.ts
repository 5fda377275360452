/** Ctrl-P and then Ctrl-Q, as docker has it. */
const FIRST = 0x10;
const SECOND = 0x11;

/** What was typed, as far as it is for the process, and whether its user leaves. */
type Typed = Readonly<{ bytes: Uint8Array; isLeaving: boolean }>;

/**
 * Watches for the keys with which a user leaves a process to itself. The first of them is passed on
 * at once, for it may be meant: a shell shows its last command, and nobody is hurt.
 */
export function createDetachKeys(): (chunk: Uint8Array) => Typed {
  let isArmed = false;
  return (chunk) => {
    for (const [index, byte] of chunk.entries()) {
      if (isArmed && byte === SECOND) return { bytes: chunk.subarray(0, index), isLeaving: true };
      isArmed = byte === FIRST;
    }
    return { bytes: chunk, isLeaving: false };
  };
}
