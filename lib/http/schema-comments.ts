import type {
  DescEnum,
  DescEnumValue,
  DescField,
  DescMessage,
  DescMethod,
} from "@bufbuild/protobuf";

/** Comments by the full names of what they are about. */
export type Comments = Readonly<Record<string, string>>;

type Commented = DescEnum | DescEnumValue | DescField | DescMessage | DescMethod;

/** What the contract says about an element, in the spelling of JSON. */
export function commentOn(desc: Commented, comments: Comments): string {
  const name = "typeName" in desc ? desc.typeName : `${desc.parent.typeName}.${desc.name}`;
  return (comments[name] ?? "").replace(/`[a-z0-9_.]+`/g, inJson);
}

/** `page_size` in a comment is `pageSize` in JSON. */
const inJson = (quoted: string): string =>
  quoted.replace(/_([a-z0-9])/g, (_all, letter: string) => letter.toUpperCase());

/** The house rule for comments: a field that must be set says so. */
export const isRequired = (comment: string): boolean => /\bRequired[.;]/.test(comment);
