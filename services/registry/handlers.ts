import type { ServiceImpl } from "@connectrpc/connect";
import type { RegistryService } from "../../gen/berth/v1/registry_service_pb.ts";
import { invalidFields } from "../../lib/errors.ts";
import { checkName } from "./checks.ts";
import { createHeldHandler } from "./held-handler.ts";
import { createSessionHandler, type SessionDeps } from "./session-handler.ts";
import { createWatchHandler } from "./watch-handler.ts";
import { pageOf } from "./worker-page.ts";

export type RegistryHandlerDeps = SessionDeps &
  Readonly<{
    /** Names this life of the registry. */
    registryId: string;
    /** Whether those who are here have had time to say so. */
    isSettled: () => boolean;
  }>;

/** What the contract promises, over a roster. */
export function createRegistryHandlers(
  deps: RegistryHandlerDeps,
): ServiceImpl<typeof RegistryService> {
  const { roster } = deps;
  return {
    session: createSessionHandler(deps),
    watchWorkers: createWatchHandler(deps),
    watchSessions: createHeldHandler(deps),
    listWorkers: (request) => pageOf(roster.list(), request),
    resolveName({ name }) {
      const violations = checkName(name);
      if (violations.length > 0) throw invalidFields(violations);
      return { endpoints: [...roster.resolve(name)] };
    },
  };
}
