import { parseAddressList } from "../../lib/address-list.ts";
import { assert } from "../../lib/assert.ts";
import { parseHostPort } from "../../lib/host-port.ts";
import { type Parsed, parsed } from "./parsed.ts";

/** Reads where to listen: `host:port`, an IPv6 host in brackets. Port 0 is any free one. */
export function parseAddress(text: string): Parsed<string> {
  const result = parseHostPort(text);
  return result.kind === "parsed"
    ? parsed(text)
    : { kind: "malformed", problem: `is wrong: ${result.explanation}` };
}

/** Reads where to call: one address or several, and names that SRV records are asked of. */
export function parseAddresses(text: string): Parsed<string> {
  const result = parseAddressList(text);
  return result.kind === "parsed"
    ? parsed(text)
    : { kind: "malformed", problem: `is wrong: ${result.explanation}` };
}

/** The host of an address that was parsed before, without brackets. */
export function hostOf(address: string): string {
  const result = parseHostPort(address);
  assert(result.kind === "parsed", `address ${address} was parsed before`);
  return result.host;
}
