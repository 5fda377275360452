/** Runs in browsers, as it stands: plain JavaScript that reads `/openapi.json`. */
export const SCRIPT = `
const api = await (await fetch("/openapi.json")).json();
const one = (id) => document.getElementById(id);

function make(name, properties, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

const resolve = (thing) =>
  thing && thing.$ref ? resolve(thing.$ref.slice(2).split("/").reduce((at, key) => at[key], api)) : thing;

/** What a body may look like: its required fields, or all of them where none is. */
function sample(schema, depth = 0) {
  const { type, properties = {}, required, items, examples, enum: values } = resolve(schema);
  if (examples) return examples[0];
  if (values) return values[1] || values[0];
  if (type === "array") return depth > 2 ? [] : [sample(items, depth + 1)];
  if (type === "object") {
    const names = required || (depth === 0 ? Object.keys(properties) : []);
    return Object.fromEntries(names.map((name) => [name, sample(properties[name], depth + 1)]));
  }
  return { boolean: false, integer: 0, number: 0 }[type] ?? "";
}

function fieldOf(parameter) {
  const { name, description = "", required, schema } = parameter;
  const isList = resolve(schema).type === "array";
  const hint = isList ? " One a line." : "";
  const input = make(isList ? "textarea" : "input", { name, required: Boolean(required) });
  return { parameter, input, label: make("label", {}, name, input, make("small", {}, description + hint)) };
}

function requestOf(path, fields, body) {
  const query = new URLSearchParams();
  const headers = {};
  let url = path;
  for (const { parameter, input } of fields) {
    const texts = input.value.split("\\n").filter((text) => text !== "");
    if (parameter.in === "path") url = url.replace("{" + parameter.name + "}", encodeURIComponent(input.value));
    else if (parameter.in === "query") for (const text of texts) query.append(parameter.name, text);
    else if (texts.length > 0) headers[parameter.name] = texts[0];
  }
  if (body) headers["content-type"] = "application/json";
  return { url: url + (query.size ? "?" + query : ""), headers, body: body ? body.value : undefined };
}

const quoted = (text) => "'" + text.replaceAll("'", "'\\\\''") + "'";

function curlOf(method, { url, headers, body }) {
  const parts = ["curl", "-X", method, quoted(location.origin + url)];
  for (const [name, value] of Object.entries(headers)) parts.push("-H", quoted(name + ": " + value));
  if (body !== undefined) parts.push("-d", quoted(body));
  return parts.join(" ");
}

/** Shows an answer as it comes; the function that it returns ends it. */
function send(method, request, output) {
  const control = new AbortController();
  const { url, ...rest } = request;
  output.textContent = curlOf(method, request) + "\\n\\n";
  read(fetch(url, { method, ...rest, signal: control.signal }), output);
  return () => control.abort();
}

async function read(answering, output) {
  try {
    const answer = await answering;
    output.append(answer.status + " " + answer.statusText + "\\n\\n");
    const isJson = (answer.headers.get("content-type") || "").startsWith("application/json");
    if (isJson) return output.append(JSON.stringify(await answer.json(), null, 2));
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) output.append(part.value);
  } catch (error) {
    output.append("\\n" + error);
  }
}

function operationOf(path, verb, operation) {
  const method = verb.toUpperCase();
  const fields = (operation.parameters || []).map(resolve).map(fieldOf);
  const content = operation.requestBody && operation.requestBody.content["application/json"];
  const body = content && make("textarea", { value: JSON.stringify(sample(content.schema), null, 2) });
  const output = make("pre", { hidden: true });
  let end = () => undefined;
  const form = make("form", {},
    make("p", { className: "description" }, operation.description || ""),
    ...fields.map(({ label }) => label),
    ...(body ? [make("label", {}, "Body", body)] : []),
    make("button", {}, "Send"), " ",
    make("button", { type: "button", onclick: () => end() }, "End"),
    output);
  form.onsubmit = (event) => {
    event.preventDefault();
    end();
    output.hidden = false;
    end = send(method, requestOf(path, fields, body), output);
  };
  const line = make("summary", {}, make("code", {}, method + " " + path), " " + (operation.summary || ""));
  return make("details", {}, line, form);
}

one("title").textContent = document.title = api.info.title + " " + api.info.version;
one("about").textContent = api.info.description;
const list = one("operations");
list.replaceChildren();
const groups = new Map();
for (const [path, verbs] of Object.entries(api.paths))
  for (const [verb, operation] of Object.entries(verbs)) {
    const [tag] = operation.tags;
    if (!groups.has(tag)) groups.set(tag, list.appendChild(make("section", {}, make("h2", {}, tag))));
    groups.get(tag).append(operationOf(path, verb, operation));
  }
`;
