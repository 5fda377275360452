import { wordsOf } from "./disk-checks.ts";
import { type Finding, ok, warning } from "./finding.ts";
import type { Machine } from "./machine.ts";

/** Where images come from whose names say nothing else. */
const HUB = "https://registry-1.docker.io";

/** A registry says one of these to whom it does not know. */
const ANSWERS = [200, 401, 403];

/** Whether names resolve, and images can be pulled: from the engine's mirrors, else from Docker's hub. */
export async function checkPulls(
  machine: Machine,
  mirrors: readonly string[],
): Promise<readonly Finding[]> {
  const [url = HUB] = mirrors;
  const { hostname } = new URL(url);
  try {
    const addresses = await machine.resolve(hostname);
    const names = ok("names", `${hostname} is ${addresses[0]}`);
    return [names, await checkRegistry(machine, url)];
  } catch (error) {
    return [
      warning(
        "names",
        `${hostname} cannot be resolved: ${wordsOf(error)}`,
        "look at /etc/resolv.conf and at the DNS server it names",
      ),
    ];
  }
}

async function checkRegistry(machine: Machine, url: string): Promise<Finding> {
  const remedy =
    "images that workers do not have cannot be pulled: look at firewall and proxy, or set registry-mirrors in /etc/docker/daemon.json";
  try {
    const { status } = await machine.fetch(`${url.replace(/\/$/, "")}/v2/`);
    return ANSWERS.includes(status)
      ? ok("pulls", `${url} answers`)
      : warning("pulls", `${url} answers with ${status}`, remedy);
  } catch (error) {
    return warning("pulls", `${url} does not answer: ${wordsOf(error)}`, remedy);
  }
}
