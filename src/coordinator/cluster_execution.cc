#include "coordinator/cluster_execution.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "tidemark/detail/base/check.h"
#include "tidemark/detail/base/planted_bug.h"

namespace tidemark {
namespace {

// Slot 0 has a subtask of every sink, so its worker is there in every attempt.
constexpr std::uint32_t kSinksSlot = 0;

}  // namespace

class ClusterExecution::Worker final : public WorkerListener {
 public:
  Worker(ClusterExecution& all, std::uint32_t number, const MakeWorker& make) : all_{all}, number_{number}, attempt_{make(number, *this)} {}

  WorkerAttempt& attempt() { return *attempt_; }
  InputProgress progress() const {
    const std::lock_guard lock{mutex_};
    return progress_;
  }
  void put_metrics_in(std::vector<VertexMetrics>& all) const {
    const std::lock_guard lock{mutex_};
    put_in(metrics_, all);
  }

  void on_sinks_agreed() override { all_.listener_.on_sinks_agreed(); }
  void on_recovered() override { all_.sinks_recovered(); }
  void on_running() override { all_.worker_runs(number_); }
  void on_ack(TaskId task, CheckpointId id, TaskSnapshot snapshot) override { all_.listener_.on_ack(task, id, std::move(snapshot)); }
  void on_decline(TaskId task, CheckpointId id, DeclineReason reason, Error cause) override {
    all_.listener_.on_decline(task, id, reason, std::move(cause));
  }
  void on_end_of_data(TaskId task) override { all_.listener_.on_end_of_data(task); }
  void on_loading(const LoadEvent& event) override { all_.listener_.on_loading(event); }
  void on_progress(const InputProgress& progress) override {
    const std::lock_guard lock{mutex_};
    progress_ = progress;
  }
  void on_metrics(std::vector<VertexMetrics> vertices) override {
    const std::lock_guard lock{mutex_};
    metrics_ = std::move(vertices);
  }
  void on_group_watermarks(std::vector<GroupWatermark> groups) override {
    {
      const std::lock_guard lock{mutex_};
      groups_ = groups;
    }
    attempt_->hear_group_watermarks(all_.lowest_of_others(*this, std::move(groups)));
  }
  /// Nothing has been told: it holds all others.
  Timestamp group_watermark(NodeId group) const {
    const std::lock_guard lock{mutex_};
    const auto found = std::ranges::find(groups_, group, &GroupWatermark::group);
    return found == groups_.end() ? Timestamp::min() : Timestamp{found->watermark_ms};
  }
  void on_task_failed(TaskId task, Error error) override { all_.fail(task, std::move(error)); }
  void on_ended() override { all_.worker_ended(); }
  void on_lost(Error error) override {
    all_.tell_moved(number_, TaskState::kFailed);
    all_.fail(kNoTask, error.within(fmt::format("worker {} of {}", number_ + 1, all_.places_.data_addresses.size())));
    all_.worker_ended();
  }

 private:
  ClusterExecution& all_;
  const std::uint32_t number_;
  mutable std::mutex mutex_;
  InputProgress progress_;
  std::vector<VertexMetrics> metrics_;
  std::vector<GroupWatermark> groups_;
  const std::unique_ptr<WorkerAttempt> attempt_;
};

ClusterExecution::ClusterExecution(WorkerPlaces places, const MakeWorker& make_worker, ExecutionListener& listener)
    : places_{std::move(places)}, listener_{listener} {
  TIDEMARK_CHECK(!places_.worker_of_slot.empty(), "a job has a slot");
  for (std::uint32_t worker = 0; worker < places_.data_addresses.size(); ++worker) {
    TIDEMARK_CHECK(std::ranges::find(places_.worker_of_slot, worker) != places_.worker_of_slot.end(), "a worker has a slot");
  }
  // Before the first is made: one may be lost before it is started.
  not_running_ = not_ended_ = places_.data_addresses.size();
  for (std::uint32_t worker = 0; worker < places_.data_addresses.size(); ++worker) {
    workers_.push_back(std::make_unique<Worker>(*this, worker, make_worker));
  }
}

ClusterExecution::~ClusterExecution() { TIDEMARK_CHECK(!has_started_ || not_ended_ == 0, "an execution ends before it is destroyed"); }

void ClusterExecution::start(AttemptStart start) {
  has_started_ = true;
  for (std::uint32_t worker = 0; worker < workers_.size(); ++worker) {
    workers_[worker]->attempt().start({.attempt = share_of(start, worker),
                                       .worker = worker,
                                       .worker_of_slot = places_.worker_of_slot,
                                       .data_addresses = places_.data_addresses,
                                       .recovers_sinks = recovers_sinks(worker),
                                       .secret = places_.secret,
                                       .aligns_groups = workers_.size() > 1});
  }
}

bool ClusterExecution::recovers_sinks(std::uint32_t worker) const { return worker == places_.worker_of_slot[kSinksSlot]; }

// What belongs to other workers' subtasks it does not get, but that the recovery of sinks asks for what all had.
AttemptStart ClusterExecution::share_of(const AttemptStart& start, std::uint32_t worker) const {
  AttemptStart share = start;
  if (!recovers_sinks(worker) || detail::planted(detail::PlantedBug::kShareForgetsCommittables)) share.committables.clear();
  for (std::vector<OperatorRestore>& of_node : share.restores) {
    for (std::size_t subtask = 0; subtask < of_node.size(); ++subtask) {
      const bool is_forgotten = detail::planted(detail::PlantedBug::kShareForgetsSlot) && subtask > 0 && subtask + 1 == of_node.size();
      if (places_.worker_of_slot[subtask] == worker && !is_forgotten) continue;
      std::vector<OperatorListState> list_states;
      if (recovers_sinks(worker)) list_states = std::move(of_node[subtask].list_states);
      of_node[subtask] = {.list_states = std::move(list_states)};
    }
  }
  return share;
}

void ClusterExecution::sinks_recovered() {
  for (auto& worker : workers_) worker->attempt().open();
}

std::vector<GroupWatermark> ClusterExecution::lowest_of_others(const Worker& worker, std::vector<GroupWatermark> of_worker) const {
  for (GroupWatermark& group : of_worker) {
    Timestamp lowest = Timestamp::max();
    for (const auto& other : workers_) {
      if (other.get() != &worker) lowest = std::min(lowest, other->group_watermark(group.group));
    }
    group.watermark_ms = lowest.ms();
  }
  return of_worker;
}

void ClusterExecution::worker_runs(std::uint32_t worker) {
  tell_moved(worker, TaskState::kRunning);
  {
    const std::lock_guard lock{mutex_};
    if (--not_running_ > 0) return;
  }
  listener_.on_running();
}

void ClusterExecution::worker_ended() {
  {
    const std::lock_guard lock{mutex_};
    if (--not_ended_ > 0) return;
  }
  listener_.on_ended();
}

void ClusterExecution::tell_moved(std::uint32_t worker, TaskState to) {
  for (std::uint32_t slot = 0; slot < places_.worker_of_slot.size(); ++slot) {
    if (places_.worker_of_slot[slot] == worker) listener_.on_tasks_moved({.to = to, .first_slot = slot, .slots = 1});
  }
}

// The first failure is told: others are mostly what follows from it.
void ClusterExecution::fail(TaskId task, Error error) {
  {
    const std::lock_guard lock{mutex_};
    if (std::exchange(has_failed_, true)) return;
  }
  listener_.on_task_failed(task, std::move(error));
}

void ClusterExecution::trigger(const Barrier& barrier, const std::string& folder) {
  for (auto& worker : workers_) worker->attempt().trigger(barrier, folder);
}
void ClusterExecution::notify_complete(CheckpointId id) {
  for (auto& worker : workers_) {
    worker->attempt().notify_complete(id);
    if (detail::planted(detail::PlantedBug::kCompletionToFirstWorker)) return;
  }
}
void ClusterExecution::notify_aborted(CheckpointId id) {
  for (auto& worker : workers_) worker->attempt().notify_aborted(id);
}
void ClusterExecution::drain() {
  for (auto& worker : workers_) worker->attempt().drain();
}
void ClusterExecution::finish() {
  for (auto& worker : workers_) worker->attempt().finish();
}
void ClusterExecution::cancel() {
  for (auto& worker : workers_) worker->attempt().cancel();
}

InputProgress ClusterExecution::input_progress() const {
  InputProgress sum;
  for (const auto& worker : workers_) {
    const InputProgress one = worker->progress();
    sum.records += one.records;
    sum.bytes += one.bytes;
  }
  return sum;
}

std::vector<VertexMetrics> ClusterExecution::vertex_metrics() const {
  std::vector<VertexMetrics> all;
  for (const auto& worker : workers_) worker->put_metrics_in(all);
  return all;
}

}  // namespace tidemark
