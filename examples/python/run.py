"""Takes a task from submit to removal over gRPC: see ../README.md."""

import os
import uuid

import grpc
from berth.v1 import manager_service_pb2 as messages
from berth.v1 import manager_service_pb2_grpc as services
from berth.v1 import resources_pb2 as resources
from berth.v1 import task_pb2 as tasks
from google.protobuf import duration_pb2
from google.rpc import error_details_pb2, status_pb2


def main() -> None:
    with grpc.insecure_channel(os.environ.get("BERTH_ADDR", "127.0.0.1:7070")) as channel:
        run(services.ManagerServiceStub(channel))


def run(manager: services.ManagerServiceStub) -> None:
    show_mistakes(manager)
    task = submit(manager)
    print("submitted", task.id)

    follow(manager, task.id, tasks.TASK_STATE_RUNNING)
    print("running")

    print("log", first_line(manager, task.id))

    grace = duration_pb2.Duration(seconds=0)
    manager.StopTask(messages.StopTaskRequest(task_id=task.id, grace=grace), timeout=10)
    follow(manager, task.id, tasks.TASK_STATE_STOPPED)
    print("stopped")

    manager.RemoveTask(messages.RemoveTaskRequest(task_id=task.id), timeout=10)
    print("removed")


def show_mistakes(manager: services.ManagerServiceStub) -> None:
    """Every bad field is named, in one answer; a program goes by the reason."""
    bad = tasks.TaskSpec(image="Not An Image", limit=resources.Limits(memory_bytes=1))
    try:
        manager.SubmitTask(messages.SubmitTaskRequest(spec=bad), timeout=10)
    except grpc.RpcError as error:
        print("refused", told(error))
    try:
        manager.GetTask(messages.GetTaskRequest(task_id="no-such-task"), timeout=10)
    except grpc.RpcError as error:
        print("missing", told(error))


def told(error: grpc.RpcError) -> str:
    """The code, the reason, and the fields at fault."""
    info, bad_request = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    for key, value in error.trailing_metadata():
        if key == "grpc-status-details-bin":
            for detail in status_pb2.Status.FromString(value).details:
                # Each takes what is its own, and leaves the rest.
                detail.Unpack(info)
                detail.Unpack(bad_request)
    fields = sorted(violation.field for violation in bad_request.field_violations)
    return " ".join([error.code().name, info.reason, ",".join(fields)]).rstrip()


def submit(manager: services.ManagerServiceStub) -> tasks.Task:
    """The request ID makes it safe to repeat: the same ID gives the same task."""
    spec = tasks.TaskSpec(
        image=os.environ.get("IMAGE", "nginx:1.27-alpine"),
        command=["sh", "-c", "echo hello from berth; exec sleep 600"],
    )
    request = messages.SubmitTaskRequest(spec=spec, request_id=str(uuid.uuid4()))
    return manager.SubmitTask(request, timeout=10).task


def follow(manager: services.ManagerServiceStub, task_id: str, until: int) -> None:
    """A watch sends tasks as they are first, then every change: there is no gap between."""
    watch = manager.WatchTasks(messages.WatchTasksRequest(), timeout=60)
    for response in watch:
        for change in response.changes:
            if change.task.id != task_id or change.task.state < until:
                continue
            if change.task.state > until:
                raise SystemExit(f"the task is {tasks.TaskState.Name(change.task.state)}")
            watch.cancel()
            return


def first_line(manager: services.ManagerServiceStub, task_id: str) -> str:
    request = messages.StreamTaskLogsRequest(task_id=task_id, follow=True)
    logs = manager.StreamTaskLogs(request, timeout=60)
    for response in logs:
        for entry in response.entries:
            logs.cancel()
            return entry.data.decode().rstrip("\n")
    raise SystemExit("the logs ended without a line")


if __name__ == "__main__":
    main()
