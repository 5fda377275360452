import { IMAGE_NAME_LENGTH_MAX, IMAGE_TAG_LENGTH_MAX, PORT_MAX } from "./limits.ts";
import { quote } from "./validate-text.ts";

/** An image reference in its parts, as written: nothing is added, not even `latest`. */
export type ImageReference = Readonly<{
  /** The registry, such as `ghcr.io` or `[::1]`. Absent means the engine's default. */
  host?: string;
  port?: number;
  /** Such as `library/nginx`. */
  path: string;
  tag?: string;
  /** Such as `sha256:...`. */
  digest?: string;
}>;

export type ParsedImageReference =
  | Readonly<{ kind: "parsed"; reference: ImageReference }>
  | Readonly<{ kind: "malformed"; explanation: string }>;

/**
 * Reads an image reference by the grammar of distribution/reference, with Docker's rule for what
 * is a host: a first component with a dot, a colon or an upper-case letter, or `localhost`.
 *
 * Splits at fixed characters and looks at each part once, so that its time is linear in the text.
 */
export function parseImageReference(text: string): ParsedImageReference {
  const parts = split(text);
  const explanation = objection(text, parts);
  if (explanation !== undefined) return { kind: "malformed", explanation };
  const { host, port, path, tag, digest } = parts;
  return {
    kind: "parsed",
    reference: {
      path,
      ...(host !== undefined && { host }),
      ...(port !== undefined && { port: Number(port) }),
      ...(tag !== undefined && { tag }),
      ...(digest !== undefined && { digest }),
    },
  };
}

/** Parts as they stand in the text, not yet checked. */
type Parts = Readonly<{
  name: string;
  host: string | undefined;
  port: string | undefined;
  path: string;
  tag: string | undefined;
  digest: string | undefined;
}>;

function split(text: string): Parts {
  const [named, digest] = cut(text, text.indexOf("@"));
  const colon = named.lastIndexOf(":");
  const [name, tag] = cut(named, colon > named.lastIndexOf("/") ? colon : -1);
  const [first, rest] = cut(name, name.indexOf("/"));
  if (rest === undefined || !looksLikeHost(first)) {
    return { name, host: undefined, port: undefined, path: name, tag, digest };
  }
  const [host, port] = cut(first, first.indexOf(":", first.lastIndexOf("]") + 1));
  return { name, host, port, path: rest, tag, digest };
}

/** Cuts a text in two, leaving out the character at `index`. An index of -1 cuts nothing. */
function cut(text: string, index: number): readonly [string, string | undefined] {
  if (index < 0) return [text, undefined];
  return [text.slice(0, index), text.slice(index + 1)];
}

const looksLikeHost = (component: string): boolean =>
  component === "localhost" || /[.:A-Z]/.test(component);

/** The first thing that is wrong, with its remedy. */
function objection(text: string, { name, host, port, path, tag, digest }: Parts) {
  if (text === "") return "is required: name an image such as nginx:1.27";
  if (name.length > IMAGE_NAME_LENGTH_MAX) {
    return `is ${quote(text)}: its name must have at most ${IMAGE_NAME_LENGTH_MAX} characters`;
  }
  return (
    hostObjection(text, host) ??
    portObjection(text, port) ??
    pathObjection(text, path) ??
    tagObjection(text, tag) ??
    digestObjection(text, digest)
  );
}

function hostObjection(text: string, host: string | undefined): string | undefined {
  if (host === undefined || /^\[[0-9a-fA-F:]+\]$/.test(host)) return undefined;
  if (host.split(".").every((label) => /^[a-zA-Z0-9-]+$/.test(label) && isInside("-", label))) {
    return undefined;
  }
  return `is ${quote(text)}: ${quote(host)} must be the name of a host, such as ghcr.io`;
}

const isInside = (mark: string, label: string): boolean =>
  !label.startsWith(mark) && !label.endsWith(mark);

function portObjection(text: string, port: string | undefined): string | undefined {
  if (port === undefined) return undefined;
  if (/^[0-9]{1,5}$/.test(port) && Number(port) >= 1 && Number(port) <= PORT_MAX) return undefined;
  return `is ${quote(text)}: the port ${quote(port)} must be 1 to ${PORT_MAX}`;
}

/** Words of lower-case letters and digits, joined by one dot, one or two underscores, or hyphens. */
const COMPONENT = /^[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*$/;

function pathObjection(text: string, path: string): string | undefined {
  if (/^[0-9a-f]{64}$/.test(path)) {
    return `is ${quote(text)}: 64 hexadecimal digits name an image ID; write name@sha256:...`;
  }
  const bad = path.split("/").find((component) => !COMPONENT.test(component));
  if (bad === undefined) return undefined;
  if (bad === "") return `is ${quote(text)}: a part of its name is empty: leave out one /`;
  return (
    `is ${quote(text)}: ${quote(bad)} must be lower-case letters and digits, ` +
    "separated by single dots, one or two underscores, or hyphens"
  );
}

function tagObjection(text: string, tag: string | undefined): string | undefined {
  if (tag === undefined) return undefined;
  if (/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(tag) && tag.length <= IMAGE_TAG_LENGTH_MAX) {
    return undefined;
  }
  return (
    `is ${quote(text)}: the tag ${quote(tag)} must be 1 to ${IMAGE_TAG_LENGTH_MAX} letters, ` +
    "digits, _, . and -, and begin with none of . and -"
  );
}

/** Hexadecimal digits of each algorithm that image registries know. */
const DIGEST_LENGTHS: ReadonlyMap<string, number> = new Map([
  ["sha256", 64],
  ["sha384", 96],
  ["sha512", 128],
]);

function digestObjection(text: string, digest: string | undefined): string | undefined {
  if (digest === undefined) return undefined;
  const [algorithm, digits] = cut(digest, digest.indexOf(":"));
  const length = DIGEST_LENGTHS.get(algorithm);
  if (length !== undefined && digits?.length === length && /^[0-9a-f]+$/.test(digits)) {
    return undefined;
  }
  return (
    `is ${quote(text)}: the digest must be sha256:, sha384: or sha512: with ` +
    "64, 96 or 128 lower-case hexadecimal digits"
  );
}
