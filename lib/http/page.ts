import { SCRIPT } from "./page-script.ts";
import { STYLE } from "./page-style.ts";
import type { Reply } from "./reply.ts";

const HTML = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>HTTP API</title>
<link rel="stylesheet" href="/api/page.css">
<header>
  <h1 id="title">HTTP API</h1>
  <p id="about"></p>
  <p><a href="/openapi.json">openapi.json</a></p>
</header>
<main id="operations">Loading.</main>
<script src="/api/page.js" type="module"></script>
</html>
`;

/** Nothing from elsewhere, nothing inline, in nobody's frame. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const headers = { "content-security-policy": POLICY, "referrer-policy": "no-referrer" };

const reply = (type: string, text: string): Reply => ({
  status: 200,
  type: `text/${type}; charset=utf-8`,
  text,
  headers,
});

/** The page to try the API, which reads the document that it is served beside. */
export const pages: readonly Readonly<{ path: string; page: () => Reply }>[] = [
  { path: "/api", page: () => reply("html", HTML) },
  { path: "/api/page.css", page: () => reply("css", STYLE) },
  { path: "/api/page.js", page: () => reply("javascript", SCRIPT) },
];
