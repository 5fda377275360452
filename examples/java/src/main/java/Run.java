import berth.v1.ManagerServiceGrpc;
import berth.v1.ManagerServiceGrpc.ManagerServiceBlockingStub;
import berth.v1.ManagerServiceOuterClass.GetTaskRequest;
import berth.v1.ManagerServiceOuterClass.RemoveTaskRequest;
import berth.v1.ManagerServiceOuterClass.StopTaskRequest;
import berth.v1.ManagerServiceOuterClass.StreamTaskLogsRequest;
import berth.v1.ManagerServiceOuterClass.SubmitTaskRequest;
import berth.v1.ManagerServiceOuterClass.WatchTasksRequest;
import berth.v1.ManagerServiceOuterClass.WatchTasksResponse;
import berth.v1.ManagerServiceOuterClass.TaskChange;
import berth.v1.ResourcesOuterClass.Limits;
import berth.v1.TaskOuterClass.Task;
import berth.v1.TaskOuterClass.TaskSpec;
import berth.v1.TaskOuterClass.TaskState;
import com.google.protobuf.Any;
import com.google.protobuf.Duration;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import io.grpc.Context;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/** Takes a task from submit to removal over gRPC: see ../README.md. */
public final class Run {
  private final ManagerServiceBlockingStub manager;

  private Run(ManagerServiceBlockingStub manager) {
    this.manager = manager;
  }

  public static void main(String[] args) {
    String address = setting("BERTH_ADDR", "127.0.0.1:7070");
    ManagedChannel channel =
        Grpc.newChannelBuilder(address, InsecureChannelCredentials.create()).build();
    try {
      new Run(ManagerServiceGrpc.newBlockingStub(channel)).run();
    } finally {
      channel.shutdownNow();
    }
  }

  private void run() {
    showMistakes();
    Task task = submit();
    System.out.println("submitted " + task.getId());

    follow(task.getId(), TaskState.TASK_STATE_RUNNING);
    System.out.println("running");

    System.out.println("log " + firstLine(task.getId()));

    Duration grace = Duration.getDefaultInstance();
    manager.stopTask(
        StopTaskRequest.newBuilder().setTaskId(task.getId()).setGrace(grace).build());
    follow(task.getId(), TaskState.TASK_STATE_STOPPED);
    System.out.println("stopped");

    manager.removeTask(RemoveTaskRequest.newBuilder().setTaskId(task.getId()).build());
    System.out.println("removed");
  }

  /** Every bad field is named, in one answer; a program goes by the reason. */
  private void showMistakes() {
    TaskSpec bad =
        TaskSpec.newBuilder()
            .setImage("Not An Image")
            .setLimit(Limits.newBuilder().setMemoryBytes(1))
            .build();
    SubmitTaskRequest submit = SubmitTaskRequest.newBuilder().setSpec(bad).build();
    System.out.println("refused " + told(() -> manager.submitTask(submit)));
    GetTaskRequest get = GetTaskRequest.newBuilder().setTaskId("no-such-task").build();
    System.out.println("missing " + told(() -> manager.getTask(get)));
  }

  /** The code, the reason, and the fields at fault. */
  private static String told(Supplier<?> call) {
    try {
      call.get();
      throw new IllegalStateException("the call succeeded");
    } catch (StatusRuntimeException error) {
      List<String> words = new ArrayList<>(List.of(error.getStatus().getCode().name()));
      List<Any> details = StatusProto.fromThrowable(error).getDetailsList();
      for (Any detail : details) {
        if (detail.is(ErrorInfo.class)) words.add(unpack(detail, ErrorInfo.class).getReason());
      }
      for (Any detail : details) {
        if (detail.is(BadRequest.class)) words.add(fields(unpack(detail, BadRequest.class)));
      }
      return String.join(" ", words);
    }
  }

  private static String fields(BadRequest bad) {
    return bad.getFieldViolationsList().stream()
        .map(BadRequest.FieldViolation::getField)
        .sorted()
        .collect(Collectors.joining(","));
  }

  private static <T extends com.google.protobuf.Message> T unpack(Any detail, Class<T> type) {
    try {
      return detail.unpack(type);
    } catch (InvalidProtocolBufferException error) {
      throw new IllegalStateException(error);
    }
  }

  /** The request ID makes it safe to repeat: the same ID gives the same task. */
  private Task submit() {
    TaskSpec spec =
        TaskSpec.newBuilder()
            .setImage(setting("IMAGE", "nginx:1.27-alpine"))
            .addAllCommand(List.of("sh", "-c", "echo hello from berth; exec sleep 600"))
            .build();
    String requestId = UUID.randomUUID().toString();
    return manager
        .submitTask(SubmitTaskRequest.newBuilder().setSpec(spec).setRequestId(requestId).build())
        .getTask();
  }

  /** A watch sends tasks as they are first, then every change: there is no gap between. */
  private void follow(String taskId, TaskState until) {
    leaving(
        () -> {
          var watch = manager.watchTasks(WatchTasksRequest.getDefaultInstance());
          while (true) {
            WatchTasksResponse response = watch.next();
            for (TaskChange change : response.getChangesList()) {
              TaskState state = change.getTask().getState();
              if (!change.getTask().getId().equals(taskId)) continue;
              if (state.getNumber() < until.getNumber()) continue;
              if (state != until) throw new IllegalStateException("the task is " + state);
              return null;
            }
          }
        });
  }

  private String firstLine(String taskId) {
    return leaving(
        () -> {
          var logs =
              manager.streamTaskLogs(
                  StreamTaskLogsRequest.newBuilder().setTaskId(taskId).setFollow(true).build());
          while (true) {
            for (var entry : logs.next().getEntriesList()) {
              return entry.getData().toStringUtf8().stripTrailing();
            }
          }
        });
  }

  /** Cancels the streams that were begun, when their reader has what it wants. */
  private static <T> T leaving(Supplier<T> reading) {
    Context.CancellableContext context = Context.current().withCancellation();
    Context before = context.attach();
    try {
      return reading.get();
    } finally {
      context.detach(before);
      context.cancel(null);
    }
  }

  private static String setting(String name, String fallback) {
    String value = System.getenv(name);
    return value == null || value.isEmpty() ? fallback : value;
  }
}
