#!/usr/bin/env bash
# Takes a task from submit to removal with grpcurl, see ../README.md. The schema comes from the
# server, by reflection.
set -euo pipefail

address=${BERTH_ADDR:-127.0.0.1:7070}
image=${IMAGE:-nginx:1.27-alpine}

call() { grpcurl -plaintext -max-time 60 -d "$2" "$address" "berth.v1.ManagerService/$1"; }

# The first text under a name, in what came on stdin.
field() { sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p" | head -n 1; }

# What an error says: its code, its reason, and the fields at fault.
told() {
  local answer code reason fields
  answer=$(call "$@" 2>&1) && exit 1
  # InvalidArgument is INVALID_ARGUMENT.
  code=$(sed -n 's/^ *Code: //p' <<<"$answer" | sed 's/\B[A-Z]/_&/g')
  reason=$(grep -o '"reason": *"[A-Z_]*"' <<<"$answer" | cut -d '"' -f 4)
  fields=$(grep -o '"field": *"[^"]*"' <<<"$answer" | cut -d '"' -f 4 | sort | paste -sd ,) || true
  printf '%s %s%s\n' "${code^^}" "$reason" "${fields:+ $fields}"
}

# The first line that matches, of a stream that goes on. What brings it is ended then.
first() {
  local text=$1 stream caller found=0
  exec {stream}< <(
    exec grpcurl -plaintext -max-time 60 -d "$3" "$address" "berth.v1.ManagerService/$2"
  )
  caller=$!
  grep -m 1 "$text" <&"$stream" || found=$?
  kill "$caller" 2>/dev/null || true
  exec {stream}<&-
  return "$found"
}

# A watch sends tasks as they are first, then every change.
follow() { first "\"TASK_STATE_$2\"" WatchTasks '{"filter": {"name": "'"$1"'"}}' >/dev/null; }

# Bytes are base64 in JSON.
first_line() {
  first '"data":' StreamTaskLogs '{"taskId": "'"$1"'", "follow": true}' | field data | base64 -d
}

printf 'refused '
told SubmitTask '{"spec": {"image": "Not An Image", "limit": {"memoryBytes": "1"}}}'
printf 'missing '
told GetTask '{"taskId": "no-such-task"}'

# The request ID makes the call safe to repeat: the same ID gives the same task.
name=example-$$-$RANDOM
task=$(call SubmitTask '{
  "requestId": "'"$name"'",
  "spec": {
    "name": "'"$name"'",
    "image": "'"$image"'",
    "command": ["sh", "-c", "echo hello from berth; exec sleep 600"]
  }
}' | field id)
echo "submitted $task"

follow "$name" RUNNING
echo running

echo "log $(first_line "$task")"

call StopTask '{"taskId": "'"$task"'", "grace": "0s"}' >/dev/null
follow "$name" STOPPED
echo stopped

call RemoveTask '{"taskId": "'"$task"'"}' >/dev/null
echo removed
