import type { DescService } from "@bufbuild/protobuf";
import { createServiceImplSpec, type ServiceImpl, type ServiceImplSpec } from "@connectrpc/connect";
import { assert } from "../assert.ts";

/** A service with its handlers, ready to be served on both wires. */
export type ServiceMount = Readonly<ServiceImplSpec>;

/** Joins a service and its handlers. A handler that is missing is a bug. */
export function mountService<S extends DescService>(
  service: S,
  impl: ServiceImpl<S>,
): ServiceMount {
  for (const { localName } of service.methods) {
    assert(localName in impl, `${service.typeName} has no handler ${localName}`);
  }
  return createServiceImplSpec(service, impl);
}
