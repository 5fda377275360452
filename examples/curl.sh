#!/usr/bin/env bash
# A task from submit to removal with curl and nothing else: Connect's JSON over HTTP/1.1.
set -euo pipefail

service=http://${BERTH_ADDR:-127.0.0.1:7070}/berth.v1.ManagerService
image=${IMAGE:-nginx:1.27-alpine}

call() { curl --silent --show-error --fail-with-body --json "$2" "$service/$1"; }
field() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"; }

# The request ID makes the call safe to repeat: the same ID gives the same task.
answer=$(call SubmitTask '{
  "requestId": "example-'$$'",
  "spec": {
    "image": "'"$image"'",
    "ports": [{ "containerPort": 80, "name": "http" }],
    "limit": { "cpuMillis": "250", "memoryBytes": "67108864" },
    "restartPolicy": { "mode": "RESTART_MODE_ON_FAILURE" }
  }
}')
printf '%s\n' "$answer"
task=$(grep -o '"task":{"id":"[^"]*"' <<<"$answer" | field id)

echo "== task $task, its events"
call ListTaskEvents '{"taskId": "'"$task"'"}'
echo
echo "== a mistake names every bad field"
call SubmitTask '{"spec": {"image": "Not An Image", "limit": {"memoryBytes": "1"}}}' || true
echo
echo "== removal"
call RemoveTask '{"taskId": "'"$task"'", "force": true}'
echo
