import { malformed, type Parsed, parsed } from "./parsed.ts";

/** So that the longest name in it, `_port._tcp.name.task.zone`, keeps within DNS's 253 characters. */
const ZONE_CHARS_MAX = 100;

/** Reads the name of a zone: in lower case, without the dot that may stand at its end. */
export function parseZone(text: string): Parsed<string> {
  const zone = text.toLowerCase().replace(/\.$/, "");
  const isName = /^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.|$))+$/.test(zone) && !zone.endsWith(".");
  return isName && zone.length <= ZONE_CHARS_MAX
    ? parsed(zone)
    : malformed(
        text,
        `must be a name of at most ${ZONE_CHARS_MAX} characters, such as berth or berth.example.org`,
      );
}
