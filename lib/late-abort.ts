/** As an AbortController whose signal is made when somebody asks for it: making one is costly. */
export interface LateAbort {
  readonly aborted: boolean;
  readonly signal: AbortSignal;
  abort(reason?: unknown): void;
}

export function createLateAbort(): LateAbort {
  let control: AbortController | undefined;
  let end: { reason: unknown } | undefined;
  return {
    get aborted() {
      return end !== undefined;
    },
    get signal() {
      control ??= new AbortController();
      if (end) control.abort(end.reason);
      return control.signal;
    },
    abort(reason) {
      end ??= { reason };
      control?.abort(reason);
    },
  };
}
