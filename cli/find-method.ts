import type { DescMethod, DescService } from "@bufbuild/protobuf";
import { ManagerService } from "../gen/berth/v1/manager_service_pb.ts";
import { RegistryService } from "../gen/berth/v1/registry_service_pb.ts";
import { WorkerService } from "../gen/berth/v1/worker_service_pb.ts";
import { Health } from "../gen/health/v1/health_pb.ts";
import { didYouMean } from "../lib/nearest.ts";
import { usageError } from "./command-error.ts";

/** What `berth api` can call. The manager's come first: a name alone is theirs. */
const services: readonly DescService[] = [ManagerService, RegistryService, WorkerService, Health];

/** A method's name as people write it, `ManagerService/GetTask`. */
export const methodName = ({ parent, name }: DescMethod): string => `${parent.name}/${name}`;

/** All that can be called. */
export const allMethods = (): readonly DescMethod[] => services.flatMap(({ methods }) => methods);

/**
 * The method that a user means: `GetTask`, `ManagerService/GetTask` or
 * `berth.v1.ManagerService/GetTask`, in letters of any case. Throws a usage error when there is none.
 */
export function findMethod(reference: string): DescMethod {
  const wanted = reference.replace(/^\//, "").toLowerCase();
  const isMeant = (method: DescMethod) =>
    [method.name, methodName(method), `${method.parent.typeName}/${method.name}`].some(
      (name) => name.toLowerCase() === wanted,
    );
  const found = allMethods().find(isMeant);
  if (found) return found;
  const names = reference.includes("/")
    ? allMethods().map(methodName)
    : allMethods().map(({ name }) => name);
  throw usageError(
    [`there is no method ${JSON.stringify(reference)}${didYouMean(reference, names)}`],
    ["list methods with: berth api"],
  );
}
