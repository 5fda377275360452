import { toMillis } from "../../core/time.ts";
import { type Probe, ProbeFrom } from "../../gen/berth/v1/probe_pb.ts";
import { oneLine } from "./format.ts";

/** A probe in one line: `http :80/health every 10s, fails after 3`. Empty for none. */
export function probeText(probe: Probe | undefined): string {
  if (!probe) return "";
  const { interval, failureThreshold, probeFrom } = probe;
  const asker = probeFrom === ProbeFrom.MANAGER ? ", asked by the manager" : "";
  const rhythm = interval ? ` every ${toMillis(interval) / 1000}s` : "";
  const limit = failureThreshold === undefined ? "" : `, fails after ${failureThreshold}`;
  return `${questionText(probe)}${rhythm}${limit}${asker}`;
}

function questionText({ check }: Probe): string {
  switch (check.case) {
    case "http":
      return `http :${check.value.port}${oneLine(check.value.path)}`;
    case "tcp":
      return `tcp :${check.value.port}`;
    case "grpc":
      return `grpc :${check.value.port} ${oneLine(check.value.service)}`.trim();
    case "exec":
      return `exec ${oneLine(check.value.command.join(" "))}`;
    case undefined:
      return "unknown";
  }
}
