import type { DescMethod, DescMethodUnary, Message } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel as Level } from "@bufbuild/protobuf/wkt";
import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import { ManagerService } from "../../gen/berth/v1/manager_service_pb.ts";
import { unavailable } from "../../lib/errors.ts";
import { delegating } from "../../lib/rpc/delegate.ts";
import { type Role, RoleOverError, type Roles } from "./role.ts";

/**
 * The handlers of a manager whose role changes: each call goes to the role of the moment. A read
 * whose role ended meanwhile is asked of the next one; a stream ends, and its client resumes it. A
 * conversation cannot be resumed, and what it is with is not the manager: it goes on, whoever leads.
 */
export function createFront(roles: Roles): ServiceImpl<typeof ManagerService> {
  async function unary(
    method: DescMethodUnary,
    request: Message,
    context: HandlerContext,
  ): Promise<Message> {
    const role = await roles.current(context.signal);
    try {
      return await role.answer(method, request, context);
    } catch (error) {
      if (context.signal.aborted || !isForNext(error, method, role)) throw error;
      return unary(method, request, context);
    }
  }

  return delegating(ManagerService, {
    unary,
    async *stream(method, request, context) {
      const role = await roles.current(context.signal);
      if (method.methodKind === "bidi_streaming")
        return yield* role.stream(method, request, context);
      const signal = AbortSignal.any([context.signal, role.over]);
      yield* role.stream(method, request, { ...context, signal });
      if (role.over.aborted && !context.signal.aborted) throw streamOver();
    },
  });
}

/** Whether nothing has come of the call, so that the next role may have it. */
const isForNext = (error: unknown, method: DescMethod, role: Role): boolean =>
  error instanceof RoleOverError || (isRead(method) && role.isOver());

const isRead = (method: DescMethod): boolean => method.idempotency === Level.NO_SIDE_EFFECTS;

const streamOver = () =>
  unavailable("NOT_LEADER", "another manager leads from now on: resume the stream", { retryMs: 0 });
