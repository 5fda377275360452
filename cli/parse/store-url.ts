import { parseHostPort } from "../../lib/host-port.ts";
import { DEFAULT_PREFIX } from "../../lib/store/etcd-place.ts";
import { malformed, type Parsed, parsed, parseEach } from "./parsed.ts";

/** A store in etcd as a URL names it. */
export type StoreUrl = Readonly<{
  endpoints: readonly string[];
  /** Ends in `/`. */
  prefix: string;
  /** Whom etcd is to take us for. */
  user: string | undefined;
}>;

const RULE =
  "must be etcd://HOST:PORT, with more members after commas, USER@ before them " +
  "and /PREFIX behind them where needed, such as etcd://10.0.0.1:2379,10.0.0.2:2379/prod";

/** Room for what Berth adds within the 1.5 MiB of a request, 126 times. */
const PREFIX_CHARS_MAX = 128;

/** Reads which store is meant. What it says of a malformed one never shows a password. */
export function parseStoreUrl(text: string): Parsed<StoreUrl> {
  const [, access, members, path = ""] =
    /^etcd:\/\/(?:([^@/]*)@)?([^@/]+)(\/.*)?$/.exec(text) ?? [];
  const shown = withoutSecrets(text);
  if (/:\/\/.*:.*@/s.test(text)) return malformed(shown, NO_PASSWORD);
  if (members === undefined) return malformed(shown, RULE);
  if (access === "")
    return malformed(shown, "names no user before the @: name one, or leave the @ out");
  const endpoints = parseEach(members.split(","), parseMember);
  if (endpoints.kind === "malformed") return endpoints;
  const prefix = parsePrefix(path);
  if (prefix.kind === "malformed") return prefix;
  return parsed({ endpoints: endpoints.value, prefix: prefix.value, user: access });
}

const NO_PASSWORD =
  "holds a password, which others could read: leave it out, and set BERTH_STORE_PASSWORD " +
  "or --store-password-file";

const withoutSecrets = (text: string): string => text.replace(/^(etcd:\/\/)?.*@/s, "$1…@");

function parseMember(text: string): Parsed<string> {
  const result = parseHostPort(text);
  if (result.kind === "malformed")
    return { kind: "malformed", problem: `is wrong: ${result.explanation}` };
  return result.port === 0
    ? malformed(text, "names no port: add it, etcd's own is 2379")
    : parsed(text);
}

function parsePrefix(path: string): Parsed<string> {
  if (path === "" || path === "/") return parsed(DEFAULT_PREFIX);
  const parts = path.replace(/\/$/, "").split("/").slice(1);
  if (path.length > PREFIX_CHARS_MAX || !parts.every((part) => /^[\w.-]+$/.test(part)))
    return malformed(path, PREFIX_RULE);
  if (parts.slice(1).includes("data"))
    return malformed(path, "must not have a part named data, where the entries of others are");
  return parsed(`/${parts.join("/")}/`);
}

const PREFIX_RULE =
  `must be a prefix of at most ${PREFIX_CHARS_MAX} characters, ` +
  "letters, digits and . _ - between slashes, such as /prod";
