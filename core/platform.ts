import { quote } from "./validate-text.ts";

/** What a program is built for, in the words of images. An absent part means any. */
export type Platform = Readonly<{ os: string; architecture?: string; variant?: string }>;

export type ParsedPlatform =
  | Readonly<{ kind: "parsed"; platform: Platform }>
  | Readonly<{ kind: "malformed"; explanation: string }>;

/** Reads `os[/architecture[/variant]]`; what machines call themselves is turned into image words. */
export function parsePlatform(text: string): ParsedPlatform {
  const [os, architecture, variant, ...rest] = text.split("/");
  const parts = [os, architecture, variant].filter((part) => part !== undefined);
  if (os === undefined || rest.length > 0 || !parts.every((part) => PART.test(part))) {
    return malformed(text, "must be os[/architecture[/variant]], such as linux/arm64");
  }
  if (architecture === undefined && ARCHITECTURES.has(canonical(os))) {
    return malformed(text, `is an architecture: write linux/${canonical(os)}`);
  }
  return {
    kind: "parsed",
    platform: {
      os,
      ...(architecture !== undefined && { architecture: canonical(architecture) }),
      ...(variant !== undefined && { variant }),
    },
  };
}

export const formatPlatform = ({ os, architecture, variant }: Platform): string =>
  [os, architecture, variant].filter((part) => part !== undefined).join("/");

/**
 * Whether a machine runs what is built for `needed`.
 *
 * Machines do not tell their variant, so each counts as the least of its architecture that is in
 * use; numbered variants run what is built for lower ones.
 */
export function runs(machine: Platform, needed: Platform): boolean {
  if (machine.os !== needed.os) return false;
  if (needed.architecture === undefined) return true;
  if (canonical(machine.architecture ?? "") !== needed.architecture) return false;
  if (needed.variant === undefined) return true;
  return runsVariant(machine.variant ?? VARIANTS.get(needed.architecture), needed.variant);
}

function runsVariant(offered: string | undefined, needed: string): boolean {
  if (offered === needed) return true;
  const [least, wanted] = [variantNumber(offered), variantNumber(needed)];
  return least !== undefined && wanted !== undefined && wanted <= least;
}

const variantNumber = (variant: string | undefined): number | undefined =>
  variant !== undefined && /^v[0-9]{1,2}$/.test(variant) ? Number(variant.slice(1)) : undefined;

const malformed = (text: string, remedy: string): ParsedPlatform => ({
  kind: "malformed",
  explanation: `is ${quote(text)}: ${remedy}`,
});

const PART = /^[a-z0-9_.-]{1,32}$/;

/** What `uname -m` says, and what images say. */
const ALIASES: ReadonlyMap<string, string> = new Map([
  ["x86_64", "amd64"],
  ["aarch64", "arm64"],
  ["armv7l", "arm"],
  ["i386", "386"],
  ["i686", "386"],
]);

const canonical = (architecture: string): string => ALIASES.get(architecture) ?? architecture;

const ARCHITECTURES: ReadonlySet<string> = new Set([
  "386",
  "amd64",
  "arm",
  "arm64",
  "loong64",
  "ppc64le",
  "riscv64",
  "s390x",
]);

/** The variant that a machine of each architecture has at least. */
const VARIANTS: ReadonlyMap<string, string> = new Map([
  ["amd64", "v1"],
  ["arm", "v7"],
  ["arm64", "v8"],
]);
