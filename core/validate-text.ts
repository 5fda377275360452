/** The most of a bad value that is repeated to the one who sent it. */
const EXCERPT_LENGTH_MAX = 40;

/** A value as a message shows it: quoted, escaped, and cut where it is long. */
export const quote = (text: string): string =>
  text.length <= EXCERPT_LENGTH_MAX
    ? JSON.stringify(text)
    : `${JSON.stringify(text.slice(0, EXCERPT_LENGTH_MAX))}... (${text.length} characters)`;

/** Bytes that `text` takes in UTF-8. A lone surrogate counts as the replacement character. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0x80) bytes += isPaired(text, i) ? 1 : unit < 0x800 ? 1 : 2;
  }
  return bytes;
}

/** Of a surrogate pair each half is two of its four bytes. */
function isPaired(text: string, index: number): boolean {
  const unit = text.charCodeAt(index) & 0xfc00;
  if (unit === 0xd800) return (text.charCodeAt(index + 1) & 0xfc00) === 0xdc00;
  return unit === 0xdc00 && (text.charCodeAt(index - 1) & 0xfc00) === 0xd800;
}

/** Characters as people count them, not UTF-16 units. */
export function characterCount(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

/** Strings with a NUL cannot reach a process: the kernel ends them there. */
export const hasNul = (text: string): boolean => text.includes("\0");

const UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB"] as const;

/** Bytes for people: `536870912` is `512 MiB`. At most one decimal, rounded down unless told. */
export function formatBytes(bytes: number, round: (value: number) => number = Math.floor): string {
  let unit = 0;
  let value = bytes;
  while (Math.abs(value) >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${round(value * 10) / 10} ${UNITS[unit]}`;
}

/** Thousandths of a core for people: `1500` is `1.5 cores`. */
export const formatCpu = (cpuMillis: number): string =>
  cpuMillis === 1000 ? "1 core" : `${cpuMillis / 1000} cores`;
