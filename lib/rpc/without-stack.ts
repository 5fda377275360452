/**
 * Begins a call. grpc-js takes the stack at each, for an error that is not looked at here: that is
 * costly. Read in the end of a call that failed it costs most, for every file's source map is read.
 */
export function withoutStack<T>(action: () => T): T {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return action();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}
