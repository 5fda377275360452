/**
 * The library for YAML, to be loaded when it is needed: it is a quarter of all modules. A CommonJS
 * package that the bundled program loads so has no names but `default`, so this file is loaded instead.
 */
export {
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  parseAllDocuments,
  stringify,
} from "yaml";
