import { usageError } from "./command-error.ts";
import { type Parsed, parseEach } from "./parse/parsed.ts";

export type FlagReader = ReturnType<typeof createFlagReader>;

/** Reads flags one by one and remembers what is wrong with them. */
export function createFlagReader() {
  const problems: string[] = [];
  function read<T>(
    flag: string,
    text: string | undefined,
    parse: (text: string) => Parsed<T>,
  ): T | undefined {
    if (text === undefined) return undefined;
    const result = parse(text);
    if (result.kind === "parsed") return result.value;
    problems.push(`${flag} ${result.problem}`);
    return undefined;
  }
  function readList<T>(
    flag: string,
    given: readonly string[] | undefined,
    parse: (text: string) => Parsed<T>,
  ): readonly T[] {
    const result = parseEach(given ?? [], parse);
    if (result.kind === "parsed") return result.value;
    problems.push(`${flag} ${result.problem}`);
    return [];
  }
  /** Throws one usage error with all that was wrong. */
  function finish(): void {
    if (problems.length > 0) throw usageError(problems, ["see: berth run --help"]);
  }
  return { read, readList, complain: (problem: string) => void problems.push(problem), finish };
}
