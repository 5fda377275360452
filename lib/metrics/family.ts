/** One number of a family. `labels` as `labelText` writes them. */
export type Point = Readonly<{
  labels: string;
  value: number;
  /** What a histogram's numbers are told apart by. */
  suffix?: "_bucket" | "_sum" | "_count";
}>;

/** All numbers of one name, as Prometheus has it. A family without points is left out. */
export type Family = Readonly<{
  name: string;
  kind: "counter" | "gauge" | "histogram";
  help: string;
  points: readonly Point[];
}>;

/** Gives families when somebody asks. What happens in between is counted in plain numbers. */
export type Collector = () => readonly Family[] | Promise<readonly Family[]>;

/** Names and values as they stand in the text. Values may be anything, names are the program's own. */
export const labelText = (labels: Readonly<Record<string, string>>): string =>
  Object.entries(labels)
    .map(([name, value]) => `${name}="${escaped(value)}"`)
    .join(",");

function escaped(value: string): string {
  if (!/[\\"\n]/.test(value)) return value;
  return value.replace(/\\/g, "\\\\").replace(/"/g, '\\"').replace(/\n/g, "\\n");
}

/** A family of one point without labels. */
export const single = (family: Omit<Family, "points">, value: number): Family => ({
  ...family,
  points: [{ labels: "", value }],
});

/**
 * Prometheus' text format, version 0.0.4. Families of one name are joined: they must stand together.
 * Written by hand: a library that keeps a registry takes ten times as long for what changes as a
 * whole with each scrape (decision 0035).
 */
export function formatFamilies(families: readonly Family[]): string {
  const parts: string[] = [];
  for (const { name, kind, help, points } of joined(families)) {
    parts.push(`# HELP ${name} ${help}\n# TYPE ${name} ${kind}\n`);
    for (const { labels, value, suffix = "" } of points) {
      const braced = labels === "" ? "" : `{${labels}}`;
      parts.push(`${name}${suffix}${braced} ${formatNumber(value)}\n`);
    }
  }
  return parts.join("");
}

function joined(families: readonly Family[]): Iterable<Family> {
  const byName = new Map<string, Family>();
  for (const family of families) {
    if (family.points.length === 0) continue;
    const known = byName.get(family.name);
    const points = known ? [...known.points, ...family.points] : family.points;
    byName.set(family.name, { ...family, points });
  }
  return byName.values();
}

function formatNumber(value: number): string {
  if (Number.isFinite(value)) return String(value);
  if (Number.isNaN(value)) return "NaN";
  return value > 0 ? "+Inf" : "-Inf";
}
