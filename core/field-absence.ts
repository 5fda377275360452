import { FieldOrigin } from "../gen/berth/v1/field_report_pb.ts";

/** What it means that a spec leaves a field out. */
export type Absence = Readonly<{
  /** Who decides the field then. */
  origin: FieldOrigin;
  /** For people. */
  meaning: string;
  /** What the manager fills in, where it can but need not be able to. */
  filled?: string;
}>;

const none = (meaning: string, filled?: string): Absence => ({
  origin: FieldOrigin.NONE,
  meaning,
  ...(filled !== undefined && { filled }),
});
const manager = (meaning: string): Absence => ({ origin: FieldOrigin.MANAGER, meaning });
const image = (meaning: string): Absence => ({ origin: FieldOrigin.IMAGE, meaning });
const worker = (meaning: string, filled?: string): Absence => ({
  origin: FieldOrigin.WORKER,
  meaning,
  ...(filled !== undefined && { filled }),
});

/** A spec without it is refused. */
const required = none("required");

/**
 * Every field that a spec may leave out, as `Message.field`. A field of the contract that is missing
 * here fails a test: whoever adds one says here what its absence means.
 */
export const absences: Readonly<Record<string, Absence>> = {
  "TaskSpec.name": manager("the task's ID"),
  "TaskSpec.image": required,
  "TaskSpec.command": image("the image's entrypoint"),
  "TaskSpec.args": image("the image's command, unless command is set"),
  "TaskSpec.env": none("nothing beside the image's own"),
  "TaskSpec.working_dir": image("the image's working directory"),
  "TaskSpec.user": image("the image's user"),
  "TaskSpec.labels": none("no labels"),
  "TaskSpec.reservation": none("nothing is set aside"),
  "TaskSpec.limit": none("no limit"),
  "TaskSpec.ports": none("nothing is published"),
  "TaskSpec.network_mode": manager("bridge"),
  "TaskSpec.restart_policy": manager("never restarted"),
  "TaskSpec.pull_policy": manager("pulled if the worker lacks it"),
  "TaskSpec.stop_grace": manager("10 s"),
  "TaskSpec.stop_signal": image("the image's signal, else SIGTERM"),
  "TaskSpec.platform": none("any platform"),
  "TaskSpec.scheduler": manager("the cluster's default"),
  "TaskSpec.startup_probe": none("started up as soon as it runs"),
  "TaskSpec.liveness_probe": none("healthy as long as it runs"),
  "TaskSpec.readiness_probe": none("always ready"),
  "TaskSpec.on_disconnect": manager("runs on"),
  "TaskSpec.placement_timeout": none("waits until there is room"),
  "TaskSpec.pull_timeout": worker("10 minutes"),
  "TaskSpec.start_timeout": worker("2 minutes"),
  "TaskSpec.constraints": none("any worker"),
  "TaskSpec.affinities": none("no preference"),
  "TaskSpec.spreads": none("not spread"),
  "TaskSpec.task_affinities": none("beside any tasks"),
  "TaskSpec.max_per_worker": none("any number"),
  "TaskSpec.priority": none("0"),

  "Resources.cpu_millis": none("nothing is set aside", "the limit"),
  "Resources.memory_bytes": none("nothing is set aside", "the limit"),
  "Resources.disk_bytes": none("nothing is set aside"),
  "Resources.custom": none("nothing is set aside"),

  "Limits.cpu_millis": none("no limit"),
  "Limits.memory_bytes": none("no limit"),
  "Limits.pids": manager("512"),

  "PortSpec.container_port": required,
  "PortSpec.host_port": worker("any free port", "container_port"),
  "PortSpec.protocol": manager("TCP"),
  "PortSpec.name": none("no name"),

  "RestartPolicy.mode": manager("never restarted"),
  "RestartPolicy.restarts_max": none("no limit"),
  "RestartPolicy.window": none("the task's life"),
  "RestartPolicy.backoff_first": none("1 s"),
  "RestartPolicy.backoff_max": none("30 s"),

  "Probe.http": required,
  "Probe.tcp": required,
  "Probe.exec": required,
  "Probe.grpc": required,
  "Probe.interval": manager("10 s"),
  "Probe.timeout": manager("3 s"),
  "Probe.failure_threshold": manager("3"),
  "Probe.success_threshold": manager("1"),
  "Probe.start_period": manager("0 s"),
  "Probe.probe_from": manager("the worker"),
  "HttpCheck.port": required,
  "HttpCheck.path": manager("/"),
  "HttpCheck.statuses": manager("200"),
  "TcpCheck.port": required,
  "ExecCheck.command": required,
  "GrpcCheck.port": required,
  "GrpcCheck.service": none("the server as a whole"),

  "Constraint.key": required,
  "Constraint.operator": none("equal"),
  "Constraint.values": none("nothing to compare with"),
  "Affinity.constraint": required,
  "Affinity.weight": required,
  "Spread.key": required,
  "Spread.max_skew": none("any number"),
  "TaskAffinity.match_labels": required,
  "TaskAffinity.key": none("the same worker"),
  "TaskAffinity.anti": none("near them"),
};
