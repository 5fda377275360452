// Takes a task from submit to removal over gRPC: see ../README.md.
package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"sort"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	berth "berth.example/client/berth/v1"
)

func main() {
	connection, err := grpc.Dial(setting("BERTH_ADDR", "127.0.0.1:7070"),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	check(err)
	defer connection.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	run(ctx, berth.NewManagerServiceClient(connection))
}

func run(ctx context.Context, manager berth.ManagerServiceClient) {
	showMistakes(ctx, manager)
	task := submit(ctx, manager)
	fmt.Println("submitted", task.Id)

	follow(ctx, manager, task.Id, berth.TaskState_TASK_STATE_RUNNING)
	fmt.Println("running")

	fmt.Println("log", firstLine(ctx, manager, task.Id))

	_, err := manager.StopTask(ctx, &berth.StopTaskRequest{TaskId: task.Id, Grace: durationpb.New(0)})
	check(err)
	follow(ctx, manager, task.Id, berth.TaskState_TASK_STATE_STOPPED)
	fmt.Println("stopped")

	_, err = manager.RemoveTask(ctx, &berth.RemoveTaskRequest{TaskId: task.Id})
	check(err)
	fmt.Println("removed")
}

// Every bad field is named, in one answer; a program goes by the reason.
func showMistakes(ctx context.Context, manager berth.ManagerServiceClient) {
	bad := &berth.TaskSpec{Image: "Not An Image", Limit: &berth.Limits{MemoryBytes: ptr(int64(1))}}
	_, err := manager.SubmitTask(ctx, &berth.SubmitTaskRequest{Spec: bad})
	fmt.Println("refused", told(err))
	_, err = manager.GetTask(ctx, &berth.GetTaskRequest{TaskId: "no-such-task"})
	fmt.Println("missing", told(err))
}

// The code, the reason, and the fields at fault.
func told(err error) string {
	failure := status.Convert(err)
	words := []string{codeName(failure.Code().String())}
	var fields []string
	for _, detail := range failure.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			words = append(words, detail.Reason)
		case *errdetails.BadRequest:
			for _, violation := range detail.FieldViolations {
				fields = append(fields, violation.Field)
			}
		}
	}
	sort.Strings(fields)
	if len(fields) > 0 {
		words = append(words, strings.Join(fields, ","))
	}
	return strings.Join(words, " ")
}

// Go says InvalidArgument where gRPC says INVALID_ARGUMENT.
func codeName(word string) string {
	var name strings.Builder
	for at, letter := range word {
		if at > 0 && letter >= 'A' && letter <= 'Z' {
			name.WriteByte('_')
		}
		name.WriteRune(letter)
	}
	return strings.ToUpper(name.String())
}

// The request ID makes it safe to repeat: the same ID gives the same task.
func submit(ctx context.Context, manager berth.ManagerServiceClient) *berth.Task {
	id := make([]byte, 16)
	_, err := rand.Read(id)
	check(err)
	response, err := manager.SubmitTask(ctx, &berth.SubmitTaskRequest{
		RequestId: hex.EncodeToString(id),
		Spec: &berth.TaskSpec{
			Image:   setting("IMAGE", "nginx:1.27-alpine"),
			Command: []string{"sh", "-c", "echo hello from berth; exec sleep 600"},
		},
	})
	check(err)
	return response.Task
}

// A watch sends tasks as they are first, then every change: there is no gap between.
func follow(ctx context.Context, manager berth.ManagerServiceClient, id string, until berth.TaskState) {
	ctx, leave := context.WithCancel(ctx)
	defer leave()
	watch, err := manager.WatchTasks(ctx, &berth.WatchTasksRequest{})
	check(err)
	for {
		response, err := watch.Recv()
		check(err)
		for _, change := range response.Changes {
			if change.Task.Id == id && change.Task.State >= until {
				expect(change.Task.State == until, "the task is "+change.Task.State.String())
				return
			}
		}
	}
}

func firstLine(ctx context.Context, manager berth.ManagerServiceClient, id string) string {
	ctx, leave := context.WithCancel(ctx)
	defer leave()
	logs, err := manager.StreamTaskLogs(ctx, &berth.StreamTaskLogsRequest{TaskId: id, Follow: true})
	check(err)
	for {
		response, err := logs.Recv()
		expect(!errors.Is(err, io.EOF), "the logs ended without a line")
		check(err)
		for _, entry := range response.Entries {
			return strings.TrimRight(string(entry.Data), "\n")
		}
	}
}

func setting(name, fallback string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return fallback
}

func expect(isTrue bool, otherwise string) {
	if !isTrue {
		log.Fatal(otherwise)
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(told(err), ": ", err)
	}
}

func ptr[T any](value T) *T { return &value }
