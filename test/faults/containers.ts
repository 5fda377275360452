import Docker from "dockerode";

/** What runs, as the engine tells it, asked by another way than Berth's own. */
export type Container = Readonly<{
  id: string;
  taskId: string;
  attempt: number;
  workerId: string;
  running: boolean;
  pid: number;
  startedAt: string;
  exitCode: number;
  /** How often the engine itself restarted it. */
  restartCount: number;
}>;

export const openDocker = (socketPath: string): Docker =>
  new Docker({ socketPath, timeout: 20_000 });

/** The containers of some workers, running or not. */
export async function containersOf(
  docker: Docker,
  workerIds: readonly string[],
): Promise<readonly Container[]> {
  const found = await docker.listContainers({
    all: true,
    filters: { label: ["dev.berth.worker"] },
  });
  const ours = found.filter(({ Labels }) => workerIds.includes(Labels["dev.berth.worker"] ?? ""));
  const seen = await Promise.all(ours.map(({ Id }) => inspect(docker, Id)));
  return seen.flatMap((container) => (container ? [container] : []));
}

/** Undefined when it has gone since it was listed. */
async function inspect(docker: Docker, id: string): Promise<Container | undefined> {
  try {
    const { State, RestartCount, Config } = await docker.getContainer(id).inspect();
    return {
      id,
      taskId: Config.Labels["dev.berth.task"] ?? "",
      attempt: Number(Config.Labels["dev.berth.attempt"]),
      workerId: Config.Labels["dev.berth.worker"] ?? "",
      running: State.Running,
      pid: State.Pid,
      startedAt: State.StartedAt,
      exitCode: State.ExitCode,
      restartCount: RestartCount,
    };
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

const isGone = (error: unknown) =>
  typeof error === "object" && error !== null && "statusCode" in error && error.statusCode === 404;

/** Removes every container of some workers, by force. */
export async function removeContainersOf(
  docker: Docker,
  workerIds: readonly string[],
): Promise<void> {
  const found = await containersOf(docker, workerIds);
  await Promise.allSettled(
    found.map(({ id }) => docker.getContainer(id).remove({ force: true, v: true })),
  );
}
