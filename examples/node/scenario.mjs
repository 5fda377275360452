// A task from submit to removal with the typed client, in Node and in a browser: see ../README.md.
import { TaskState } from "@berth/client/contract";

const command = ["sh", "-c", "echo hello from berth; exec sleep 600"];

/** Rejects when a step does not go as it should. */
export async function scenario(berth, { image, print }) {
  const bad = { image: "Not An Image", limit: { memoryBytes: 1n } };
  print(`refused ${await told(berth.submitTask({ spec: bad }))}`);
  print(`missing ${await told(berth.getTask({ taskId: "no-such-task" }))}`);

  // The client gives it a request ID, and repeats it where that can help.
  const { task } = await berth.submitTask({ spec: { image, command } });
  print(`submitted ${task.id}`);

  await follow(berth, task.id, TaskState.RUNNING);
  print("running");

  print(`log ${await firstLine(berth, task.id)}`);

  await berth.stopTask({ taskId: task.id, grace: { seconds: 0n } });
  await follow(berth, task.id, TaskState.STOPPED);
  print("stopped");

  await berth.removeTask({ taskId: task.id });
  print("removed");
}

/** A watch begins with all tasks as they are, then tells every change. */
async function follow(berth, taskId, until) {
  for await (const word of berth.watchTasks()) {
    if (word.kind === "stale") console.warn(`nothing is heard: ${word.error.message}`);
    const task = tasksIn(word).findLast(({ id }) => id === taskId);
    if (task?.state > until) throw new Error(`the task is ${TaskState[task.state]}`);
    if (task?.state === until) return;
  }
}

function tasksIn(word) {
  if (word.kind === "listed") return word.tasks;
  return word.kind === "changed" ? word.changes.map(({ task }) => task) : [];
}

async function firstLine(berth, taskId) {
  for await (const { entries } of berth.streamTaskLogs({ taskId, follow: true }))
    for (const { data } of entries) return new TextDecoder().decode(data).trimEnd();
  throw new Error("the log ended without a line");
}

/** The code, the reason, and the fields at fault. */
async function told(call) {
  const error = await call.then(
    () => new Error("the call succeeded"),
    (failure) => failure,
  );
  const fields = error.violations.map(({ field }) => field).sort();
  return [error.code.toUpperCase(), error.reason, fields.join(",")].join(" ").trimEnd();
}
