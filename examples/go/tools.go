//go:build tools

package main

// What buf.gen.yaml runs, pinned with the rest.
import (
	_ "google.golang.org/grpc/cmd/protoc-gen-go-grpc"
	_ "google.golang.org/protobuf/cmd/protoc-gen-go"
)
