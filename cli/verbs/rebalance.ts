import { type Command, InvalidArgumentError } from "commander";
import {
  type RebalanceTasksResponse,
  TaskMoveSchema,
} from "../../gen/berth/v1/manager_service_pb.ts";
import type { Context } from "../context.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { oneLine } from "../output/format.ts";
import { checkFormat, formatListing, type Listing } from "../output/listing.ts";
import { addListFlags, type OutputFlags } from "../output/output-flags.ts";
import { createRequestId } from "../request-id.ts";
import { printLine, type Terminal } from "../terminal.ts";
import { callOf, clientCommand, type Run, withManager } from "./client-verb.ts";

type RebalanceFlags = OutputFlags & Readonly<{ plan?: true; max?: number }>;

export const rebalanceCommand = (run: Run): Command =>
  addListFlags(clientCommand("rebalance"))
    .summary("move tasks from full workers to empty ones")
    .description(
      "Move tasks from workers that have much to workers that have little, such as one that has just joined: each task's new attempt first. Nothing is ever rebalanced unasked.",
    )
    .option("--plan", "only show what would be moved")
    .option("--max <count>", "move at most so many tasks (default: 10)", readCount)
    .action((flags: RebalanceFlags) => run((context) => rebalance(context, flags)));

function readCount(text: string): number {
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("must be 1 to 1000.");
}

const rebalance = async (context: Context, flags: RebalanceFlags): Promise<ExitCode> => {
  // Before anything is moved.
  checkFormat(moveListing, flags);
  return withManager(
    context,
    flags,
    async (manager) => {
      const request = {
        movesMax: flags.max ?? 0,
        validateOnly: flags.plan === true,
        requestId: flags.plan ? "" : createRequestId(context),
      };
      const answer = await manager.rebalanceTasks(request, callOf(context));
      const { terminal } = context;
      if (answer.moves.length > 0 || flags.output !== "table" || flags.format)
        terminal.stdout.write(await formatListing(moveListing, answer.moves, flags, terminal));
      else printLine(terminal.stderr, "there is nothing to gain");
      printBlocks(answer, terminal);
      return exitCodes.ok;
    },
    (field) => (field === "moves_max" ? "--max" : undefined),
  );
};

const moveListing: Listing<typeof TaskMoveSchema> = {
  schema: TaskMoveSchema,
  nameOf: ({ taskId }) => taskId,
  columns: [
    { title: "TASK", cell: ({ taskId }) => taskId },
    { title: "NAME", elastic: 8, cell: ({ taskName }) => oneLine(taskName) },
    { title: "FROM", elastic: 8, cell: ({ fromWorkerId }) => fromWorkerId },
    { title: "TO", elastic: 8, cell: ({ toWorkerId }) => toWorkerId },
    { title: "REASON", cell: ({ reason }) => oneLine(reason) },
  ],
};

function printBlocks({ blocks }: RebalanceTasksResponse, { stderr }: Terminal): void {
  for (const { taskId, reason } of blocks)
    printLine(stderr, `not moved: ${taskId} ${oneLine(reason)}`);
}
