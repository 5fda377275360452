import { didYouMean } from "../nearest.ts";
import { RefusedError } from "./failure.ts";

export type Found<T> = Readonly<{ target: T; texts: readonly string[] }>;

type Entry<T> = Readonly<{ verb: string; path: string; target: T }>;

export interface Router<T> {
  /** Whether there is anything under this path. */
  knows(path: string): boolean;
  /** What answers to this verb. Throws a `RefusedError`. */
  find(verb: string, path: string): Found<T>;
  /** The verbs of a path, for the header `allow`. */
  allowed(path: string): string;
}

const LENGTH_MAX = 100;

/** Finds by verb and path, as in `/tasks/{taskId}/logs`. HEAD is answered as GET. */
export function createRouter<T>(entries: readonly Entry<T>[]): Router<T> {
  const patterns = entries.map((entry) => ({ ...entry, pattern: patternOf(entry.path) }));
  const at = (path: string) => patterns.filter(({ pattern }) => pattern.test(path));

  function allowed(path: string): string {
    const verbs = at(path).flatMap(({ verb }) => (verb === "GET" ? ["GET", "HEAD"] : [verb]));
    return [...new Set([...verbs, "OPTIONS"])].sort().join(", ");
  }

  function nowhere(path: string): RefusedError {
    const shown = path.slice(0, LENGTH_MAX);
    const hint = didYouMean(
      shown,
      entries.map((entry) => entry.path),
    );
    return new RefusedError("NO_ROUTE", `there is nothing at ${shown}${hint || ": see /api"}`);
  }

  return {
    knows: (path) => at(path).length > 0,
    allowed,
    find(verb, path) {
      const here = at(path);
      if (here.length === 0) throw nowhere(path);
      const found = here.find((each) => each.verb === (verb === "HEAD" ? "GET" : verb));
      if (!found) throw notAllowed(verb, path, allowed(path));
      const texts = found.pattern.exec(path)?.slice(1) ?? [];
      return { target: found.target, texts: texts.map((text) => decoded(text, path)) };
    },
  };
}

const patternOf = (path: string): RegExp =>
  new RegExp(`^${path.replaceAll(".", "\\.").replace(/\{\w+\}/g, "([^/]+)")}$`);

function notAllowed(verb: string, path: string, allow: string): RefusedError {
  const shown = path.slice(0, LENGTH_MAX);
  return new RefusedError("METHOD_NOT_ALLOWED", `${verb} ${shown}: there is ${allow}`, { allow });
}

function decoded(text: string, path: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new RefusedError("NO_ROUTE", `${path.slice(0, LENGTH_MAX)} is not percent-encoded UTF-8`);
  }
}
