import type {
  DescMessage,
  DescMethodServerStreaming,
  DescMethodUnary,
  Message,
  MessageShape,
} from "@bufbuild/protobuf";
import type { Code } from "@connectrpc/connect";

export type Verb = "DELETE" | "GET" | "PATCH" | "POST";

type Method<O extends DescMessage> =
  | DescMethodUnary<DescMessage, O>
  | DescMethodServerStreaming<DescMessage, O>;

type Particulars<O extends Message> = Readonly<{
  /** What the call may fail with beside what every call may. */
  errors?: readonly Code[];
  /** Name in the OpenAPI document. Default: the method's. */
  name?: string;
  /** Name of a field of the request whose own fields are parameters without its name in front. */
  spread?: string;
  /** Whether what is asked about can be used: if not, the answer has status 503. */
  isAvailable?(response: O): boolean;
  /** A message of a stream as text, which is how the stream is sent unless JSON is asked for. */
  text?(message: O): readonly Uint8Array[];
}>;

/**
 * A call as HTTP has it. `path` names string fields of the request, as in `/tasks/{taskId}`. The
 * other fields are the JSON body of POST and PATCH, and the parameters of GET and DELETE.
 */
export type Route = Readonly<{ verb: Verb; path: string; method: Method<DescMessage> }> &
  Particulars<Message>;

export const route = <O extends DescMessage>(
  verb: Verb,
  path: string,
  ...[method, particulars = {}]: [Method<O>, Particulars<MessageShape<O>>?]
): Route => ({ verb, path, method, ...particulars });

/** Whether the rest of the request is a body. */
export const hasBody = ({ verb }: Pick<Route, "verb">): boolean =>
  verb === "POST" || verb === "PATCH";

/** What a server offers over plain HTTP. */
export type HttpApi = Readonly<{
  title: string;
  version: string;
  routes: readonly Route[];
  /** The comments of the contract, by full names. Asked for with the first document. */
  comments: () => Promise<Readonly<Record<string, string>>>;
}>;
