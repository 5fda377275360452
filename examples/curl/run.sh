#!/usr/bin/env bash
# Takes a task from submit to removal with curl and nothing else, see ../README.md: JSON over
# HTTP/1.1, docs/http.md.
set -euo pipefail

manager=http://${BERTH_ADDR:-127.0.0.1:7070}
image=${IMAGE:-nginx:1.27-alpine}

call() { curl --silent --show-error --fail-with-body "$@"; }

# The first text under a name. jq does it better, where it is installed.
field() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" | head -n 1; }

# What an error says: its code, its reason, and the fields at fault.
told() {
  local answer code reason fields
  answer=$(call "$@" 2>/dev/null) && exit 1
  code=$(field code <<<"$answer")
  reason=$(field reason <<<"$answer")
  fields=$(grep -o '"field":"[^"]*"' <<<"$answer" | cut -d '"' -f 4 | sort | paste -sd ,) || true
  printf '%s %s%s\n' "${code^^}" "$reason" "${fields:+ $fields}"
}

# The first line that matches, of a stream that goes on. What brings it is ended then.
first() {
  local text=$1 stream caller found=0
  exec {stream}< <(exec curl --silent --no-buffer --max-time 60 "$2")
  caller=$!
  grep -m 1 "$text" <&"$stream" || found=$?
  kill "$caller" 2>/dev/null || true
  exec {stream}<&-
  return "$found"
}

# A watch is a line a message: first all tasks of this name as they are, then every change.
follow() { first "\"state\":\"TASK_STATE_$2\"" "$manager/watch?name=$1" >/dev/null; }

printf 'refused '
told "$manager/tasks" --json '{"spec": {"image": "Not An Image", "limit": {"memoryBytes": "1"}}}'
printf 'missing '
told "$manager/tasks/no-such-task"

# The request ID makes the call safe to repeat: the same ID gives the same task.
name=example-$$-$RANDOM
answer=$(call "$manager/tasks" --json '{
  "requestId": "'"$name"'",
  "spec": {
    "name": "'"$name"'",
    "image": "'"$image"'",
    "command": ["sh", "-c", "echo hello from berth; exec sleep 600"]
  }
}')
task=$(sed -n 's/^{"task":{"id":"\([^"]*\)".*/\1/p' <<<"$answer")
echo "submitted $task"

follow "$name" RUNNING
echo running

echo "log $(first . "$manager/tasks/$task/logs?follow=true")"

call -X DELETE "$manager/tasks/$task?grace=0s" >/dev/null
follow "$name" STOPPED
echo stopped

call "$manager/tasks/$task/remove" --json '{}' >/dev/null
echo removed
