/** How something was found. */
export type FindingStatus = "ok" | "warning" | "problem" | "skipped";

/** What a check found. */
export type Finding = Readonly<{
  /** What was looked at, in a word or two. */
  check: string;
  status: FindingStatus;
  /** What was seen, with the figures. */
  words: string;
  /** What to do about it. Empty when nothing is to be done. */
  remedy: string;
}>;

/** The findings about one part of the world. */
export type Examination = Readonly<{ part: "machine" | "cluster"; findings: readonly Finding[] }>;

export const ok = (check: string, words: string): Finding => ({
  ...{ check, status: "ok", words, remedy: "" },
});

export const warning = (check: string, words: string, remedy: string): Finding => ({
  ...{ check, status: "warning", words, remedy },
});

export const problem = (check: string, words: string, remedy: string): Finding => ({
  ...{ check, status: "problem", words, remedy },
});

/** What could not be looked at. */
export const skipped = (check: string, words: string): Finding => ({
  ...{ check, status: "skipped", words, remedy: "" },
});
