import type { FilesInput, FilesWanted } from "../gen/berth/v1/files_pb.ts";
import { INPUT_BYTES_MAX, PATH_BYTES_MAX } from "./limits.ts";
import { type FieldViolation, type Violations, violation } from "./validate.ts";
import { formatBytes, hasNul, quote, utf8Length } from "./validate-text.ts";

/** The rules for what is to be copied from or to a container. */
export function validateFiles(
  field: string,
  files: FilesWanted | undefined,
): readonly FieldViolation[] {
  switch (files?.way.case) {
    case "lookAt":
      return [...checkPath(`${field}.look_at`, files.way.value)];
    case "readFrom":
      return [...checkPath(`${field}.read_from`, files.way.value)];
    case "writeInto":
      return [...checkPath(`${field}.write_into`, files.way.value)];
    case undefined:
      return [violation(field, "is required: set one of look_at, read_from and write_into")];
  }
}

function* checkPath(field: string, path: string): Violations {
  if (!path.startsWith("/"))
    yield violation(field, `is ${quote(path)}: must be an absolute path, such as /var/log`);
  if (utf8Length(path) > PATH_BYTES_MAX)
    yield violation(field, `takes ${utf8Length(path)} bytes: must be at most ${PATH_BYTES_MAX}`);
  if (hasNul(path)) yield violation(field, "has a NUL character: leave it out");
}

/** The rules for a word of who writes into a container. */
export function validateFilesInput(field: string, { word }: FilesInput): readonly FieldViolation[] {
  if (word.case === undefined) return [violation(field, "is empty: send one of data and end")];
  if (word.case === "end" || word.value.length <= INPUT_BYTES_MAX) return [];
  const [value, max] = [formatBytes(word.value.length), formatBytes(INPUT_BYTES_MAX)];
  return [violation(`${field}.data`, `takes ${value}: send at most ${max} in a word`)];
}
