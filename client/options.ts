import type { Clock } from "../lib/clock.ts";
import type { Random } from "../lib/random.ts";

/** How a client finds its managers, and how patient it is. */
export type ClientOptions = Readonly<{
  /**
   * Managers of one cluster, as URLs: `http://10.0.0.1:7070`. `host:port` stands for
   * `http://host:port`. The first is called first, the others when it does not serve.
   */
  addresses: readonly string[];
  /** How long one try of a call may take. Default: 10 s. */
  callMs?: number;
  /** How long a call that is safe to repeat is repeated; its own timeout comes first. Default: 30 s. */
  retryMs?: number;
  /**
   * After how much silence a watch calls again. A manager says something every 5 s.
   * Default: 15 s.
   */
  silenceMs?: number;
  /** Default: the platform's. */
  fetch?: typeof fetch;
}>;

/** What a client needs of the world. */
export type ClientDeps = Readonly<{
  clock: Pick<Clock, "monotonic" | "after" | "sleep">;
  random: Random;
}>;

export type Patience = Readonly<{ callMs: number; retryMs: number; silenceMs: number }>;

const PATIENCE_DEFAULT: Patience = { callMs: 10_000, retryMs: 30_000, silenceMs: 15_000 };

/** Throws a RangeError that names the option, the value and the remedy. */
export function patienceOf(options: ClientOptions): Patience {
  const spanOf = (name: keyof Patience): number => {
    const value = options[name] ?? PATIENCE_DEFAULT[name];
    if (Number.isFinite(value) && value > 0) return value;
    throw new RangeError(`${name} is ${String(value)}: give milliseconds, more than 0`);
  };
  return { callMs: spanOf("callMs"), retryMs: spanOf("retryMs"), silenceMs: spanOf("silenceMs") };
}

/** More managers than this are found by a name. */
const ADDRESSES_MAX = 16;

/** The origins of managers. Throws a RangeError that names the address and how it should look. */
export function baseUrlsOf({ addresses }: ClientOptions): readonly string[] {
  // A program in JavaScript has no compiler to tell it.
  if (!Array.isArray(addresses))
    throw new RangeError(
      `addresses is ${String(addresses)}: give a list, such as ["10.0.0.1:7070"]`,
    );
  if (addresses.length === 0 || addresses.length > ADDRESSES_MAX)
    throw new RangeError(`addresses has ${addresses.length} entries: give 1 to ${ADDRESSES_MAX}`);
  return addresses.map(baseUrlOf);
}

function baseUrlOf(address: string): string {
  const text = address.includes("://") ? address : `http://${address}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isHttp = url?.protocol === "http:" || url?.protocol === "https:";
  if (url && isHttp && url.search === "" && url.hash === "" && url.username === "")
    return url.href.replace(/\/$/, "");
  throw new RangeError(
    `address ${JSON.stringify(address)} is not a manager's URL: write http://10.0.0.1:7070`,
  );
}
