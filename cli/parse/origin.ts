import { malformed, type Parsed, parsed } from "./parsed.ts";

/** An origin as browsers send it: scheme, host and port, without a path. */
export function parseOrigin(text: string): Parsed<string> {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isWeb = url?.protocol === "http:" || url?.protocol === "https:";
  return url && isWeb && url.origin === text
    ? parsed(text)
    : malformed(
        text,
        `must be ${url && isWeb ? url.origin : "scheme://host:port, such as https://ui.example:8443"}`,
      );
}
