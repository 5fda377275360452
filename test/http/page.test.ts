import { runInNewContext } from "node:vm";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { SCRIPT } from "../../lib/http/page-script.ts";
import { type HttpCluster, startHttpCluster } from "./cluster.ts";

// Real sockets, on machines that may be busy; nothing here waits for time to pass.
jest.setTimeout(60_000);

let cluster: HttpCluster;
beforeAll(async () => {
  cluster = await startHttpCluster();
});
afterAll(() => cluster.close());

/** As much of an element as the page uses. */
class Element {
  readonly children: (Element | string)[] = [];
  readonly tag: string;
  value = "";
  textContent = "";
  onsubmit: (event: object) => void = () => undefined;

  constructor(tag: string) {
    this.tag = tag;
  }

  append(...children: (Element | string)[]): void {
    this.children.push(...children);
  }

  appendChild(child: Element): Element {
    this.children.push(child);
    return child;
  }

  replaceChildren(): void {
    this.children.length = 0;
  }

  /** All elements of a tag below this one. */
  all(tag: string): Element[] {
    const inner = this.children.filter((child) => child instanceof Element);
    return inner.flatMap((child) => [...(child.tag === tag ? [child] : []), ...child.all(tag)]);
  }

  /** What can be read. */
  text(): string {
    const inner = this.children.map((child) => (typeof child === "string" ? child : child.text()));
    return this.textContent + inner.join("");
  }
}

/** Runs the page's script against a server, as a browser would. */
async function openPage(url: string) {
  const byId = new Map(["title", "about", "operations"].map((id) => [id, new Element("main")]));
  const document = {
    title: "",
    getElementById: (id: string) => byId.get(id),
    createElement: (name: string) => new Element(name),
  };
  const asked: Promise<Response>[] = [];
  const fetchHere = (path: string, init?: RequestInit) => {
    const answer = fetch(`${url}${path}`, init);
    asked.push(answer);
    return answer;
  };
  const globals = { document, fetch: fetchHere, location: { origin: url } };
  const browser = { URLSearchParams, AbortController, TextDecoderStream, encodeURIComponent };
  await runInNewContext(`(async () => {${SCRIPT}})()`, { ...globals, ...browser });
  return { document, operations: byId.get("operations") ?? new Element("none"), asked };
}

test("the page offers every operation of the document, and sends what is filled in", async () => {
  const { document, operations, asked } = await openPage(cluster.urls.manager);
  expect(document.title).toBe("Berth manager 0.0.0");
  const all = operations.all("details");
  expect(all).toHaveLength(21);
  const find = (name: string) =>
    all.find((each) => each.all("code")[0]?.text() === name) ?? new Element("none");

  const [form] = find("GET /tasks/{taskId}").all("form");
  const [taskId] = form?.all("input") ?? [];
  if (taskId) taskId.value = "a b'c";
  form?.onsubmit({ preventDefault: () => undefined });
  expect((await asked.at(-1))?.url).toBe(`${cluster.urls.manager}/tasks/a%20b'c`);
  const [output] = form?.all("pre") ?? [];
  expect(output?.textContent).toContain(`curl -X GET '${cluster.urls.manager}/tasks/a%20b'\\''c'`);

  const [body] = find("POST /tasks").all("textarea");
  expect(JSON.parse(body?.value ?? "")).toEqual({ spec: { image: "" } });
});
