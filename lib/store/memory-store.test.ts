import { HISTORY_MAX } from "./conformance/conformance-words.ts";
import { createMemoryStore } from "./memory-store.ts";
import { describeStore } from "./store-conformance.ts";

describeStore("memory", async () => createMemoryStore({ historyMax: HISTORY_MAX }));
