// What a client of the manager says and hears, as made from the contract.
export * from "../gen/berth/v1/affinity_pb.ts";
export * from "../gen/berth/v1/cluster_pb.ts";
export * from "../gen/berth/v1/crash_report_pb.ts";
export * from "../gen/berth/v1/exec_pb.ts";
export * from "../gen/berth/v1/explanation_pb.ts";
export * from "../gen/berth/v1/field_report_pb.ts";
export * from "../gen/berth/v1/files_pb.ts";
export * from "../gen/berth/v1/log_entry_pb.ts";
export * from "../gen/berth/v1/manager_service_pb.ts";
export * from "../gen/berth/v1/placement_pb.ts";
export * from "../gen/berth/v1/plan_pb.ts";
export * from "../gen/berth/v1/probe_pb.ts";
export * from "../gen/berth/v1/resources_pb.ts";
export * from "../gen/berth/v1/task_event_pb.ts";
export * from "../gen/berth/v1/task_pb.ts";
export * from "../gen/berth/v1/task_stats_pb.ts";
export * from "../gen/berth/v1/worker_pb.ts";
