import { type ContextValues, createContextKey, createContextValues } from "@connectrpc/connect";

const peerKey = createContextKey("unknown", { description: "address of the caller" });

/** Context values of a call that came from `peer`, an address with a port. */
export const valuesFor = (peer: string): ContextValues => createContextValues().set(peerKey, peer);

/** Where a call came from; `unknown` in memory. */
export const peerOf = (values: ContextValues): string => values.get(peerKey);
