#!/usr/bin/env bash
# A task from submit to removal with curl and nothing else: JSON over HTTP/1.1, see docs/http.md.
set -euo pipefail

manager=http://${BERTH_ADDR:-127.0.0.1:7070}
image=${IMAGE:-nginx:1.27-alpine}

call() { curl --silent --show-error --fail-with-body "$@"; }

# The request ID makes the call safe to repeat: the same ID gives the same task.
answer=$(call "$manager/tasks" --json '{
  "requestId": "example-'$$'",
  "spec": {
    "image": "'"$image"'",
    "ports": [{ "containerPort": 80, "name": "http" }],
    "limit": { "cpuMillis": "250", "memoryBytes": "67108864" },
    "restartPolicy": { "mode": "RESTART_MODE_ON_FAILURE" }
  }
}')
printf '%s\n' "$answer"
task=$(sed -n 's/^{"task":{"id":"\([^"]*\)".*/\1/p' <<<"$answer")

echo "== task $task, its events"
call "$manager/tasks/$task/events"
echo "== why it is where it is"
call "$manager/tasks/$task/explanation?pageSize=1"
echo "== a mistake names every bad field"
call "$manager/tasks" --json '{"spec": {"image": "Not An Image", "limit": {"memoryBytes": "1"}}}' || true
echo "== stop and removal"
call -X DELETE "$manager/tasks/$task?grace=1s"
call "$manager/tasks/$task/remove" --json '{"force": true}'
