/**
 * As an AbortController whose signal is made when somebody asks for it: making one is costly. A
 * class, as few things here are: a worker holds two of these for each of a thousand attempts, and
 * accessors of an object of its own kind would be a kilobyte of each.
 */
export class LateAbort {
  private control: AbortController | undefined;
  private end: Readonly<{ reason: unknown }> | undefined;

  get aborted(): boolean {
    return this.end !== undefined;
  }

  get signal(): AbortSignal {
    this.control ??= new AbortController();
    if (this.end) this.control.abort(this.end.reason);
    return this.control.signal;
  }

  abort(reason?: unknown): void {
    this.end ??= { reason };
    this.control?.abort(reason);
  }
}
