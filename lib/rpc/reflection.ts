import type { DescFile, DescService, MessageInitShape } from "@bufbuild/protobuf";
import { Code, type ServiceImpl } from "@connectrpc/connect";
import { file_google_rpc_error_details } from "../../gen/google/rpc/error_details_pb.ts";
import {
  type ServerReflectionRequest,
  type ServerReflectionResponseSchema,
  ServerReflection as Service,
} from "../../gen/grpc/reflection/v1/reflection_pb.ts";
import { ServerReflection as ServiceAlpha } from "../../gen/grpc/reflection/v1alpha/reflection_pb.ts";
import { createDescriptorIndex, type DescriptorIndex } from "./descriptor-index.ts";
import { mountService, type ServiceMount } from "./service-mount.ts";

/** No service imports it, and every error carries some of it: tools ask here what it means. */
const ERROR_DETAILS = file_google_rpc_error_details;

type Question = ServerReflectionRequest["messageRequest"];
type Answer = NonNullable<
  MessageInitShape<typeof ServerReflectionResponseSchema>["messageResponse"]
>;

/**
 * Server reflection for `services` and itself, in both versions, which differ in nothing but
 * their package. Answers with the descriptors as they were compiled, options included.
 */
export function reflectionMounts(services: readonly DescService[]): ServiceMount[] {
  const listed = [...services, Service, ServiceAlpha];
  /** Made for the first who asks: few servers are ever asked. */
  let made: DescriptorIndex | undefined;
  const index = () => {
    made ??= createDescriptorIndex([...listed.map(({ file }) => file), ERROR_DETAILS]);
    return made;
  };
  const names = listed.map(({ typeName }) => ({ name: typeName }));

  const impl: ServiceImpl<typeof Service> = {
    async *serverReflectionInfo(requests) {
      const sent = new Set<string>();
      for await (const request of requests) {
        const messageResponse = answer(request.messageRequest, sent);
        yield { validHost: request.host, originalRequest: request, messageResponse };
      }
    },
  };

  function answer(request: Question, sent: Set<string>): Answer {
    switch (request.case) {
      case "listServices":
        return { case: "listServicesResponse", value: { service: names } };
      case "allExtensionNumbersOfType":
        return extensionNumbers(index(), request.value);
      case "fileByFilename":
        return files(index().fileNamed(request.value), request.value, sent);
      case "fileContainingSymbol":
        return files(index().fileWith(request.value), request.value, sent);
      case "fileContainingExtension": {
        const { containingType, extensionNumber } = request.value;
        const file = index().fileExtending(containingType, extensionNumber);
        return files(file, `extension ${extensionNumber} of ${containingType}`, sent);
      }
      case undefined:
        return refusal(Code.InvalidArgument, "the request asks for nothing: set message_request");
    }
  }

  /** A file and all it imports, but for what this stream was sent before. */
  function files(file: DescFile | undefined, name: string, sent: Set<string>): Answer {
    if (!file) return refusal(Code.NotFound, `${name} is not served here`);
    const fileDescriptorProto = index().closure(file, sent);
    return { case: "fileDescriptorResponse", value: { fileDescriptorProto } };
  }

  const alpha = ServiceAlpha as unknown as typeof Service;
  return [mountService(Service, impl), mountService(alpha, impl)];
}

function extensionNumbers(index: DescriptorIndex, typeName: string): Answer {
  if (!index.fileWith(typeName)) return refusal(Code.NotFound, `${typeName} is not served here`);
  const extensionNumber = index.extensionNumbers(typeName);
  const value = { baseTypeName: typeName, extensionNumber };
  return { case: "allExtensionNumbersResponse", value };
}

const refusal = (errorCode: Code, errorMessage: string): Answer => ({
  case: "errorResponse",
  value: { errorCode, errorMessage },
});
