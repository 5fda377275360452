import type { Running } from "../../lib/lifecycle.ts";
import { formatEtcdPlace } from "../../lib/store/etcd-place.ts";
import { usageError } from "../command-error.ts";
import type { Context } from "../context.ts";
import type { ManagerConfig, ServiceDeps, Services } from "../services.ts";
import { isUnspecified } from "../settings/exposure.ts";
import type { Values } from "../settings/resolve.ts";
import { etcdPlaceOf, type storeShape } from "../settings/store-settings.ts";

type StoreSettings = Values<typeof storeShape>;

/** Where a manager serves, and where others reach it: by the flag of that name. */
type Place = Readonly<{ listen: string; advertise: string | undefined; advertiseFlag: string }>;

/** How a manager is started: with the store that its settings name. */
export type ManagerStart = Readonly<{
  begin(
    services: Services,
    deps: ServiceDeps,
    config: Omit<ManagerConfig, "listen">,
  ): Promise<Running>;
  /** Where it keeps its state, for people. */
  stateOf(config: Pick<ManagerConfig, "storeFolder">): string;
}>;

/** Reads what the store needs, and refuses a manager that the others could not reach. */
export async function managerStart(
  context: Context,
  set: StoreSettings,
  { listen, advertise, advertiseFlag }: Place,
): Promise<ManagerStart> {
  const store = await etcdPlaceOf(context, set);
  if (store && advertise === undefined && isUnspecified(listen))
    throw usageError(
      [`a manager that listens on ${listen} must say where other managers reach it`],
      [`add ${advertiseFlag} HOST:PORT`],
    );
  return {
    begin(services, deps, { storeFolder, ...config }) {
      const served = { ...config, listen };
      return store
        ? services.startSharedManager({ ...served, advertise, place: store }, deps)
        : services.startManager({ ...served, storeFolder }, deps);
    },
    stateOf: ({ storeFolder }) => (store ? formatEtcdPlace(store) : storeFolder),
  };
}
