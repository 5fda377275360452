#!/usr/bin/env bash
# Writes the stubs of the contract to a folder:   generate.sh FOLDER
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
google=$root/node_modules/google-gax/build/protos
read -ra protoc <<<"${PROTOC:-protoc --plugin=protoc-gen-grpc_python=$(command -v grpc_python_plugin)}"

mkdir -p "$1"
"${protoc[@]}" --proto_path "$root/proto" --proto_path "$google" \
  --python_out "$1" --grpc_python_out "$1" \
  "$root"/proto/berth/v1/*.proto "$google"/google/rpc/{status,error_details}.proto
