// A cluster that answers what a test has told it to, for tests of what asks it. Any thread.
#pragma once

#include <algorithm>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/task_manager_endpoints.h"
#include "control/cluster_control.h"
#include "env/memory_file_system.h"
#include "env/posix_env.h"
#include "env/posix_file_system.h"

namespace tidemark {

/// As the plan of a job that counts is printed: a source, and a window behind a hash.
inline constexpr const char* kPlanOfFake = R"({"job":"orders","fingerprint":"00000000000000ff","parallelism":2,"max_parallelism":128,"vertices":[
  {"id":0,"name":"lines","parallelism":1,"operators":[{"id":0,"name":"lines","parallelism":1,"inputs":[],"states":[]}]},
  {"id":1,"name":"window -> files","parallelism":2,"operators":[
    {"id":1,"name":"window","parallelism":2,"inputs":[{"from":0,"exchange":"hash"}],"states":[]},
    {"id":2,"name":"files","parallelism":2,"inputs":[{"from":1,"exchange":"forward"}],"states":[]}]}]})";

inline constexpr const char* kFakeJob = "0123456789abcdef0123456789abcdef";

/// That it has, and tells nobody.
inline constexpr const char* kSecretOfFake = "hunter2";

class FakeCluster final : public ClusterControl {
 public:
  FakeCluster() { jobs_.push_back(running_job()); }

  static ClusterJob running_job() {
    const CheckpointGlance newest{.id = 7, .written_bytes = 10, .state_bytes = 700, .duration_ms = 20, .completed_ms = 4'000, .path = "/state/orders/chk-7-1",
                                  .triggered_ms = 3'980, .acknowledged_ms = 3'999, .tasks = 3, .acknowledged = 3};
    const CheckpointGlance savepoint{.id = 6, .is_savepoint = true, .written_bytes = 30, .state_bytes = 30, .duration_ms = 40, .completed_ms = 3'000, .path = "/sp/savepoint-6"};
    const CheckpointGlance replaced{.id = 4, .duration_ms = 10, .completed_ms = 2'010, .path = "/state/orders/chk-4-1", .is_deleted = true};
    const CheckpointGlance failed{.id = 5, .duration_ms = 10, .completed_ms = 2'510, .status = CheckpointStatus::kFailed, .triggered_ms = 2'500, .tasks = 3,
                                  .failure = "checkpoint 5: declined by subtask 0 of vertex 1 (io): the disk is full"};
    const auto acknowledgements = std::make_shared<std::vector<TaskAcknowledgement>>();
    acknowledgements->push_back({.task = {0, 0}, .acknowledged_ms = 3'990, .duration_ms = 10, .sync_ms = 1, .written_bytes = 4, .state_bytes = 4});
    acknowledgements->push_back({.task = {1, 0}, .acknowledged_ms = 3'999, .duration_ms = 19, .sync_ms = 2, .written_bytes = 6, .state_bytes = 696});
    ClusterJob job{.glance = {.id = kFakeJob, .name = "orders", .state = "RUNNING", .start_ms = 1'000, .now_ms = 5'000, .restarts = 1, .completed_checkpoints = 6,
                              .failed_checkpoints = 1, .newest_checkpoint = newest,
                              .restored = RestoredGlance{.id = 2, .restored_ms = 2'100, .path = "/state/orders/chk-2-1"}, .restores = 1,
                              .vertices = {{.id = 0, .name = "lines", .subtasks = {{.records_in = 50, .records_out = 50}}},
                                           {.id = 1, .name = "window -> files", .subtasks = {{.records_in = 30}, {.records_in = 20}}}},
                              .attempt = {.number = 1, .slots = {2, {.place = {"tm-1", "box"}, .moves = {{TaskState::kCreated, 2'100}, {TaskState::kRunning, 2'500}}}}},
                              .state_times = {{"INITIALIZING", 1'000}, {"RUNNING", 2'500}}},
                   .max_parallelism = 128,
                   .parallelism = 2,
                   .plan_json = kPlanOfFake,
                   .configuration = {{"execution.checkpointing.dir", "/state"}, {"execution.checkpointing.interval", "5s"}},
                   .failures = {{.at_ms = 2'000, .message = "worker orders-1-w1 was ended by signal 9 (SIGKILL)", .task = "window -> files (1/2)", .place = {"tm-1", "box"}}},
                   .checkpoints = {{newest, acknowledgements}, {savepoint}, {failed}, {replaced}}};
    return job;
  }

  std::vector<TaskManagerGlance> task_managers() override {
    return {{.id = "tm-1", .host = "box", .address = "10.0.0.7:51000", .data_host = "10.0.0.7", .folder = "/tmp/tm-1", .slots = 4, .free_slots = 3, .cores = 8, .memory_bytes = 4ull << 30}};
  }
  void ask_task_manager(std::string_view id, HttpRequest request, HttpAnswer answer) override {
    if (id != "tm-1") return answer(fail(ErrorCode::kNotFound, "there is no TaskManager of that id"));
    if (drops_answers) return;
    answer(task_manager.handle(request));
  }
  std::vector<JobGlance> jobs() override {
    const std::lock_guard guard{mutex_};
    std::vector<JobGlance> result;
    for (const ClusterJob& job : jobs_) result.push_back(job.glance);
    return result;
  }
  std::optional<ClusterJob> job(std::string_view id) override {
    const std::lock_guard guard{mutex_};
    for (const ClusterJob& job : jobs_) {
      if (job.glance.id == id) return job;
    }
    return std::nullopt;
  }
  std::vector<std::pair<std::string, std::string>> configuration() override { return {{"s3.secret-key", kSecretOfFake}, {"slot.request.timeout", "5min"}}; }
  ExecutableStore& executables() override { return store_; }
  Result<> remove_executable(std::string_view hash) override { return store_.remove(hash); }
  void run(RunOrder order, RunAnswer answer) override {
    const std::lock_guard guard{mutex_};
    runs.push_back(std::move(order));
    if (drops_answers || std::exchange(lost_answers, std::max(lost_answers - 1, 0)) > 0) return;
    if (keeps_answers) return kept_.push_back(std::move(answer));
    answer(run_answer);
  }
  void plan(RunOrder order, PlanAnswer answer) override {
    runs.push_back(std::move(order));
    answer(plan_answer);
  }
  void take_snapshot(std::string_view, SnapshotOrder order, SnapshotAnswer answer) override {
    const std::lock_guard guard{mutex_};
    orders.push_back(std::move(order));
    if (snapshot_answer) return answer(*snapshot_answer);
    waiting.push_back(std::move(answer));
  }
  Result<> cancel(std::string_view) override {
    ++cancelled;
    return cancel_answer;
  }
  void upgrade(std::string_view, UpgradeOrder order, UpgradeAnswer answer) override {
    upgrades.push_back(std::move(order));
    answer(upgrade_answer);
  }
  void dispose_savepoint(std::string path, Done done) override {
    disposed.push_back(std::move(path));
    done(dispose_answer);
  }

  /// The job ends so.
  void end(std::string_view state, std::string failure = {}) {
    const std::lock_guard guard{mutex_};
    jobs_.front().glance.state = state;
    jobs_.front().end_ms = 4'500;
    jobs_.front().glance.state_times[std::string{state}] = 4'500;
    if (!failure.empty()) jobs_.front().failures.insert(jobs_.front().failures.begin(), {.at_ms = 4'500, .message = std::move(failure)});
  }
  void pass_ms(std::int64_t ms) {
    const std::lock_guard guard{mutex_};
    for (ClusterJob& job : jobs_) {
      job.glance.now_ms += ms;
      for (VertexMetrics& vertex : job.glance.vertices) {
        for (SubtaskMetrics& subtask : vertex.subtasks) {
          subtask.idle_ms += ms;
          subtask.rates.idle_ms = 1'000;
        }
      }
    }
  }
  /// An earlier JobManager was asked for it.
  void recall(TriggeredSnapshot triggered) {
    const std::lock_guard guard{mutex_};
    jobs_.front().triggered.push_back(std::move(triggered));
  }
  void add(ClusterJob job) {
    const std::lock_guard guard{mutex_};
    jobs_.push_back(std::move(job));
  }

  void drop_answers() { kept_.clear(); }

  Result<std::string> run_answer{kFakeJob};
  Result<std::string> plan_answer{kPlanOfFake};
  Result<> cancel_answer;
  Result<> dispose_answer;
  Result<Upgraded> upgrade_answer = Upgraded{std::string(32, 'c'), "/sp/savepoint-9"};
  std::optional<Result<SnapshotTaken>> snapshot_answer = SnapshotTaken{8, "/sp/savepoint-8"};
  std::vector<RunOrder> runs;
  std::vector<UpgradeOrder> upgrades;
  std::vector<SnapshotOrder> orders;
  std::vector<SnapshotAnswer> waiting;
  std::vector<std::string> disposed;
  int cancelled = 0;
  bool keeps_answers = false;  // to run()
  bool drops_answers = false;
  int lost_answers = 0;  // that run() will drop
  MemoryFileSystem files;
  const TaskManagerEndpoints task_manager{files, "tm-1", "box", "/logs", "/sockets"};

 private:
  std::mutex mutex_;  // guards all below and what was asked
  std::vector<ClusterJob> jobs_;
  std::vector<RunAnswer> kept_;
  PosixClock clock_;
  ExecutableStore store_ = value_or_throw(ExecutableStore::open(files, clock_, "/executables"));
};

/// What a program of this machine begins with, and some content.
inline std::string program_of_fake(const std::string& content) {
  std::string bytes(64, '\0');
  value_or_throw(value_or_throw(posix_file_system().open("/proc/self/exe"))->read(0, bytes));
  return bytes + content;
}

}  // namespace tidemark
