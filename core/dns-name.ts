import { NAME_LENGTH_MAX } from "./limits.ts";
import { isLabel, type Violations, violation } from "./validate.ts";
import { quote } from "./validate-text.ts";

/** A task with this label is found in DNS by its value, too. Tasks of several names may share one. */
export const DNS_NAME_LABEL = "berth.dns/name";

type Labels = Readonly<Record<string, string>>;

/** The name that a task's labels ask for. Undefined when there is none that DNS could have. */
export function dnsNameIn(labels: Labels): string | undefined {
  const name = labels[DNS_NAME_LABEL];
  return name !== undefined && isLabel(name) ? name : undefined;
}

export function* checkDnsName(at: string, labels: Labels): Violations {
  const name = labels[DNS_NAME_LABEL];
  if (name === undefined || isLabel(name)) return;
  yield violation(
    `${at}[${quote(DNS_NAME_LABEL)}]`,
    `is ${quote(name)}: must be a name for DNS, 1 to ${NAME_LENGTH_MAX} of the characters a to z, ` +
      "0 to 9 and -, and neither begin nor end with -; or leave the label out",
  );
}
