import type {
  DescMessage,
  DescMethodUnary,
  MessageInitShape,
  MessageShape,
} from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { Auth } from "../../../gen/etcdserverpb/rpc_pb.ts";

/** Whom etcd is to take us for. */
export type User = Readonly<{ name: string; password: string }>;

type Unary = <I extends DescMessage, O extends DescMessage>(
  method: DescMethodUnary<I, O>,
  input: MessageInitShape<I>,
  header: Headers,
) => Promise<MessageShape<O>>;

/** Without it a member that has lost its cluster would let us wait. */
const LEADER_HEADER = "hasleader";

/** The token of a user, asked for when it is first needed and whenever etcd has forgotten it. */
export function createSession(user: User | undefined, unary: Unary) {
  let known: Promise<Headers> | undefined;

  async function logIn(): Promise<Headers> {
    const header = new Headers({ [LEADER_HEADER]: "true" });
    if (!user) return header;
    const { token } = await unary(Auth.method.authenticate, user, header);
    return new Headers([...header, ["token", token]]);
  }

  return {
    /** What goes with every call. */
    header(): Promise<Headers> {
      known ??= logIn().catch((error: unknown) => {
        known = undefined;
        throw error;
      });
      return known;
    },
    /** Whether a call failed because of an old token. The next header then has a new one. */
    isOver(error: unknown): boolean {
      if (!user || ConnectError.from(error).code !== Code.Unauthenticated) return false;
      known = undefined;
      return true;
    },
  };
}
