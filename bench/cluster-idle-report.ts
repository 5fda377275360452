import type { IdleCost, Share } from "./cluster-idle.ts";
import { ms, table } from "./figures.ts";

/** A row for each cost and each floor. */
export const idleReport = (rows: readonly (readonly string[])[]): string =>
  [
    "### Idle hollow workers on one manager and one registry",
    "",
    table(
      [
        "workers",
        "processes",
        "CPU",
        "memory",
        "files once",
        "beats/s",
        "lag p50 ms",
        "lag p99 ms",
        "store writes",
      ],
      [...rows, ["goal: 1000", "", "10 %", "250 MB", "", "", "", "50", "0"]],
    ),
    "",
    "`processes`: by the verb that started each; `server` is both in one. `CPU`: share of one core. `memory`: what is resident. `files once`: the same with what is of files, Node's own program above all, counted once, for both processes have it in common. `lag`: from a worker's measuring itself for a heartbeat to the registry's counting it, by one clock. `store writes`: by the ledger's revision and the time of the file. `floor`: a process that answers as many messages as long as heartbeats, over grpc-js, and does nothing else.",
  ].join("\n");

/** What is of files, all processes map from the same. */
const fileBytesOnce = (shares: readonly Share[]): number =>
  sum(shares.map(({ ownBytes }) => ownBytes)) +
  Math.max(...shares.map(({ rssBytes, ownBytes }) => rssBytes - ownBytes));

const percent = (value: number): string => `${value.toFixed(1)} %`;
const megabytes = (bytes: number): string => `${Math.round(bytes / 1e6)} MB`;

export function idleRow(cost: IdleCost): readonly string[] {
  const { workers, shares, lagMs, storeWrites, fileWritten, beatsPerSecond } = cost;
  const all = Object.values(shares);
  return [
    String(workers),
    Object.keys(shares).join(" + "),
    sumOf(
      all.map(({ percentOfCore }) => percentOfCore),
      percent,
    ),
    sumOf(
      all.map(({ rssBytes }) => rssBytes),
      megabytes,
    ),
    megabytes(fileBytesOnce(all)),
    beatsPerSecond.toFixed(0),
    ms(lagMs.p50),
    ms(lagMs.p99),
    fileWritten ? `${storeWrites}, and the file was written` : String(storeWrites),
  ];
}

/** What heartbeats cost whoever only answers them. */
export const floorRowOf = (workers: number, beats: number, share: Share): readonly string[] => [
  String(workers),
  "floor",
  percent(share.percentOfCore),
  megabytes(share.rssBytes),
  "",
  beats.toFixed(0),
  ...["", "", ""],
];

const sum = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0);

/** The sum, and of what it is one, if of more than one. */
const sumOf = (values: readonly number[], words: (value: number) => string): string =>
  values.length === 1
    ? words(sum(values))
    : `${words(sum(values))} (${values.map(words).join(" + ")})`;
