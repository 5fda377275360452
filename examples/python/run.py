"""Submits a task, follows its changes until it runs or fails, and removes it."""

import os
import uuid

import grpc
from berth.v1 import manager_service_pb2 as messages
from berth.v1 import manager_service_pb2_grpc as services
from berth.v1 import task_pb2 as tasks


def main() -> None:
    with grpc.insecure_channel(os.environ.get("BERTH_ADDR", "127.0.0.1:7070")) as channel:
        manager = services.ManagerServiceStub(channel)
        show_mistake(manager)
        task = submit(manager)
        print(f"submitted {task.id}")
        follow(manager, task.id)
        manager.RemoveTask(messages.RemoveTaskRequest(task_id=task.id, force=True), timeout=10)
        print("removed")


def submit(manager: services.ManagerServiceStub) -> tasks.Task:
    spec = tasks.TaskSpec(
        image=os.environ.get("IMAGE", "nginx:1.27-alpine"),
        ports=[tasks.PortSpec(container_port=80)],
    )
    request = messages.SubmitTaskRequest(spec=spec, request_id=str(uuid.uuid4()))
    return manager.SubmitTask(request, timeout=10).task


def follow(manager: services.ManagerServiceStub, task_id: str) -> None:
    """A watch sends tasks as they are first, then every change: there is no gap between."""
    watch = manager.WatchTasks(messages.WatchTasksRequest())
    for response in watch:
        for change in response.changes:
            if change.task.id != task_id:
                continue
            print(tasks.TaskState.Name(change.task.state), change.event.reason)
            if change.task.state >= tasks.TASK_STATE_RUNNING:
                watch.cancel()
                return


def show_mistake(manager: services.ManagerServiceStub) -> None:
    """Every bad field is named, in one answer."""
    try:
        manager.SubmitTask(messages.SubmitTaskRequest(spec=tasks.TaskSpec(image="Not An Image")))
    except grpc.RpcError as error:
        print(error.code().name, error.details())


if __name__ == "__main__":
    main()
