import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { silentLog } from "../log.ts";
import { createRig } from "../rpc/testing/rig.ts";
import { type Collector, type Family, formatFamilies, labelText } from "./family.ts";
import { createHistogram } from "./histogram.ts";
import { createMetricsPage } from "./page.ts";
import { createTally } from "./tally.ts";

const family = (points: Family["points"]): Family => ({
  name: "x_total",
  kind: "counter",
  help: "All.",
  points,
});

test("families are written as Prometheus reads them, those of one name together", () => {
  const one = family([{ labels: labelText({ a: "1" }), value: 1.5 }]);
  const other = { ...family([{ labels: "", value: Number.POSITIVE_INFINITY }]), name: "y_total" };
  const text = formatFamilies([one, other, family([]), family([{ labels: "", value: 2 }])]);
  expect(text.split("\n")).toEqual([
    ...["# HELP x_total All.", "# TYPE x_total counter", 'x_total{a="1"} 1.5', "x_total 2"],
    ...["# HELP y_total All.", "# TYPE y_total counter", "y_total +Inf", ""],
  ]);
});

test("any value of a label stays one value on one line", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (value) => {
      const [, quoted = ""] = /^v="(.*)"$/s.exec(labelText({ v: value })) ?? [];
      expect(quoted).not.toMatch(/\n|(?<!\\)(?:\\\\)*"/);
      const read = quoted.replace(/\\(.)/g, (_, mark) => (mark === "n" ? "\n" : mark));
      expect(read).toBe(value);
    }),
  );
});

test("a histogram counts each value in its bucket and all above, with sum and count", () => {
  const bounds = [1, 5];
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 9 })), (values) => {
      const histogram = createHistogram(bounds);
      for (const value of values) histogram.observe(value);
      const upTo = (bound: number) => values.filter((value) => value <= bound).length;
      const sum = values.reduce((all, value) => all + value, 0);
      expect(histogram.points('m="1"')).toEqual([
        { labels: 'm="1",le="1"', value: upTo(1), suffix: "_bucket" },
        { labels: 'm="1",le="5"', value: upTo(5), suffix: "_bucket" },
        { labels: 'm="1",le="+Inf"', value: values.length, suffix: "_bucket" },
        { labels: 'm="1"', value: sum, suffix: "_sum" },
        { labels: 'm="1"', value: values.length, suffix: "_count" },
      ]);
    }),
  );
});

test("words beyond a hundred are counted together", () => {
  const tally = createTally(["w0"]);
  for (let i = 0; i < 1_000; i++) tally.add(`w${i}`);
  const points = tally.points("word");
  expect(points).toHaveLength(101);
  expect(points[0]).toEqual({ labels: 'word="w0"', value: 1 });
  expect(points.at(-1)).toEqual({ labels: 'word="other"', value: 900 });
});

const { start } = createRig();

const pages = (collect: Collector) =>
  new Map([["/metrics", createMetricsPage([collect], silentLog)]]);

test("the page is beside the calls of a port, compressed for who asks", async () => {
  const collect = () => [family([{ labels: "", value: 7 }])];
  const { url } = await start(undefined, { pages: pages(collect) });
  const headers = { "accept-encoding": "gzip" };
  const answer = await fetch(`${url}/metrics?x=1`, { headers });
  expect(answer.headers.get("content-type")).toContain("version=0.0.4");
  expect(answer.headers.get("content-encoding")).toBe("gzip");
  expect(await answer.text()).toContain("\nx_total 7\n");
  expect((await fetch(`${url}/metrics`, { method: "POST" })).status).toBe(404);
  expect((await fetch(`${url}/metric`)).status).toBe(404);
});

test("however many scrape at once, it is collected once", async () => {
  let count = 0;
  let finish: () => void = () => undefined;
  const collect = () => {
    count++;
    return new Promise<Family[]>((resolve) => {
      finish = () => resolve([family([{ labels: "", value: 1 }])]);
    });
  };
  const page = createMetricsPage([collect], silentLog);
  const answers = [1, 2].map(
    () =>
      new Promise<string>((end) => {
        page({ headers: {} } as never, { setHeader: () => undefined, end } as never);
      }),
  );
  finish();
  expect(await Promise.all(answers)).toEqual(Array(2).fill(expect.stringContaining("x_total 1")));
  expect(count).toBe(1);
});

test("what cannot be collected is a 500, and the next scrape tries again", async () => {
  const answers = [() => Promise.reject(new Error("no figures")), () => Promise.resolve([])];
  const collect = () => answers.shift()?.() ?? [];
  const { url } = await start(undefined, { pages: pages(collect) });
  expect((await fetch(`${url}/metrics`)).status).toBe(500);
  expect((await fetch(`${url}/metrics`)).status).toBe(200);
});
