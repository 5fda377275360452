/** An object as the engine sent it: nothing about its fields is certain. */
export type Json = Readonly<Record<string, unknown>>;

const NOTHING: Json = {};

export const isJson = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !Buffer.isBuffer(value);

/** The object in a field; an empty one where there is none. */
export function jsonAt(json: Json, field: string): Json {
  const value = json[field];
  return isJson(value) ? value : NOTHING;
}

/** The text in a field; empty where there is none. */
export function textAt(json: Json, field: string): string {
  const value = json[field];
  return typeof value === "string" ? value : "";
}

/** The number in a field; 0 where there is none. */
export function numberAt(json: Json, field: string): number {
  const value = json[field];
  return typeof value === "number" && Number.isFinite(value) ? value : 0;
}

/** The list in a field; empty where there is none. */
export function listAt(json: Json, field: string): readonly unknown[] {
  const value = json[field];
  return Array.isArray(value) ? value : [];
}
