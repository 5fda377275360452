// What the package @berth/client offers. The contract's messages are in @berth/client/contract.
export { BerthError } from "./berth-error.ts";
export { type BerthClient, createBerthClient, type ManagerCalls } from "./client.ts";
export type { ClientOptions } from "./options.ts";
export type { WatchOptions, WatchWord } from "./watch-tasks.ts";
