#!/usr/bin/env bash
# A task from submit to removal over gRPC. The schema comes from the server, by reflection.
set -euo pipefail

service=http://${BERTH_ADDR:-127.0.0.1:7070}/berth.v1.ManagerService
image=${IMAGE:-nginx:1.27-alpine}

call() { npx buf curl --protocol grpc --http2-prior-knowledge --data "$2" "$service/$1"; }
field() { sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p" | head -n 1; }

task=$(call SubmitTask '{"spec": {"image": "'"$image"'", "ports": [{"containerPort": 80}]}}' | field id)
echo "== task $task, its changes until it runs"
# First the task as it is, then every change: a watch has no gap between the two.
call WatchTasks '{}' | sed '/"state": *"TASK_STATE_\(RUNNING\|FAILED\)"/q'
echo "== workers"
call ListWorkers '{}'
echo "== removal"
call RemoveTask '{"taskId": "'"$task"'", "force": true}'
