import { create, fromJsonString, toJsonString } from "@bufbuild/protobuf";
import { type Assigned, toAssigned } from "../../core/custom-resources.ts";
import { beginMove } from "../../core/move.ts";
import type { Candidate } from "../../core/placement/candidate.ts";
import { chooseIds } from "../../core/placement/custom.ts";
import { schedulers } from "../../core/placement/schedulers.ts";
import { type PlannedMove, planRebalance } from "../../core/rebalance.ts";
import { toTimestamp } from "../../core/time.ts";
import { type Violations, violation } from "../../core/validate.ts";
import { checkShortRequestId } from "../../core/validate-worker-update.ts";
import {
  type RebalanceTasksRequest,
  RebalanceTasksRequestSchema,
  type RebalanceTasksResponse,
  RebalanceTasksResponseSchema,
} from "../../gen/berth/v1/manager_service_pb.ts";
import { type Placement, PlacementSchema } from "../../gen/berth/v1/placement_pb.ts";
import type { Clock } from "../../lib/clock.ts";
import { invalidFields } from "../../lib/errors.ts";
import type { Log } from "../../lib/log.ts";
import { recordOf, repeated, requestOf } from "./idempotency.ts";
import type { Ledger } from "./ledger.ts";
import type { PlacementBoard } from "./placement-board.ts";
import { taskFields } from "./task-fields.ts";
import type { WorkerTable } from "./worker-table.ts";

type Deps = Readonly<{
  ledger: Ledger;
  workers: WorkerTable;
  board: PlacementBoard;
  clock: Clock;
  log: Log;
}>;

/** As the contract says of `RebalanceTasksRequest.moves_max`. */
const MOVES_DEFAULT = 10;
const MOVES_MAX = 1_000;

/** Begins the moves that even out the workers, or only tells them. What is begun is durable. */
export async function rebalanceTasks(
  request: RebalanceTasksRequest,
  deps: Deps,
): Promise<RebalanceTasksResponse> {
  const { ledger, clock } = deps;
  const violations = [...checkRequest(request)];
  if (violations.length > 0) throw invalidFields(violations);
  const asked = requestOf(RebalanceTasksRequestSchema, request);
  if (repeated(asked, ledger) !== undefined) {
    await ledger.settled();
    return fromJsonString(RebalanceTasksResponseSchema, answerTo(request, ledger));
  }
  const now = clock.now();
  const { moves, blocks } = plan(request, now, deps);
  const answer = create(RebalanceTasksResponseSchema, {
    moves: moves.map(({ task, fromWorkerId, toWorkerId, reason }) => {
      const taskName = task.spec?.name ?? "";
      return { taskId: task.id, taskName, fromWorkerId, toWorkerId, reason };
    }),
    blocks: blocks.map((block) => ({ ...block })),
  });
  if (request.validateOnly) return answer;
  const record = recordOf(asked, "", clock);
  const changes = moves.map((move) => begin(move, now, deps));
  const text = toJsonString(RebalanceTasksResponseSchema, answer);
  await ledger.commit(changes, record && { ...record, answer: text });
  return answer;
}

function* checkRequest({ movesMax, requestId }: RebalanceTasksRequest): Violations {
  yield* checkShortRequestId(requestId);
  if (movesMax > MOVES_MAX)
    yield violation(
      "moves_max",
      `is ${movesMax}: must be 1 to ${MOVES_MAX}, or 0 for ${MOVES_DEFAULT}`,
    );
}

const answerTo = ({ requestId }: RebalanceTasksRequest, ledger: Ledger): string =>
  ledger.request(requestId)?.answer ?? "{}";

const plan = ({ movesMax }: RebalanceTasksRequest, now: number, deps: Deps) =>
  planRebalance({
    workers: deps.workers.all().flatMap(({ workerId }) => {
      const candidate = deps.board.placer.candidate(workerId);
      return candidate ? [candidate] : [];
    }),
    tasksOn: (workerId) => deps.ledger.tasks.placedOn(workerId),
    movesMax: movesMax === 0 ? MOVES_DEFAULT : movesMax,
    now,
  });

/** Books the target, so that the next decision counts on it. */
function begin(move: PlannedMove, now: number, { board, log }: Deps) {
  const { task, demand, toWorkerId, reason } = move;
  const candidate = board.placer.candidate(toWorkerId);
  const assigned = candidate && chooseIds(candidate, demand.custom);
  const placement = placementOf(move, now, { candidate, assigned });
  const change = beginMove(task, { placement, reason, now });
  board.placer.book(toWorkerId, demand, assigned);
  const attempt = change.task.successor?.number ?? 0;
  board.bookings.note({ taskId: task.id, attempt }, { workerId: toWorkerId, demand, assigned });
  log.info({ ...taskFields(task), toWorkerId, reason }, "task moves");
  return change;
}

type Place = Readonly<{ candidate: Candidate | undefined; assigned: Assigned | undefined }>;

function placementOf(move: PlannedMove, now: number, { candidate, assigned }: Place): Placement {
  const { task, demand, toWorkerId } = move;
  const scheduler = schedulers.get(task.spec?.scheduler ?? "");
  return create(PlacementSchema, {
    workerId: toWorkerId,
    scheduler: scheduler?.name ?? "",
    score: scheduler && candidate ? scheduler.score(candidate, demand, { lastChosen: 0 }) : 0,
    placeTime: toTimestamp(now),
    assigned: toAssigned(assigned),
  });
}
