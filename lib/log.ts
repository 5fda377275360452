export type LogFields = Readonly<Record<string, unknown>>;

/**
 * Where events go. `error`: a human, now. `warn`: healed itself, but odd.
 * `info`: a state changed. `debug`: a decision and its inputs.
 * The message is the event's name; what varies is in the fields.
 */
export interface Log {
  error(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  debug(fields: LogFields, message: string): void;
  /** A log whose every line carries `fields`. */
  child(fields: LogFields): Log;
}

export const logLevels = ["error", "warn", "info", "debug", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

export const silentLog: Log = {
  error: () => undefined,
  warn: () => undefined,
  info: () => undefined,
  debug: () => undefined,
  child: () => silentLog,
};
