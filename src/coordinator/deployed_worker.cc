#include "coordinator/deployed_worker.h"

#include <utility>

namespace tidemark {
namespace {

// A TaskManager sees the end of its child at once; this is for one that is slow or cut off.
constexpr std::int64_t kPatienceNs = 1'000'000'000;

// For the end of another worker to be told first.
constexpr std::int64_t kFailurePauseNs = 200'000'000;

}  // namespace

DeployedWorker::DeployedWorker(std::unique_ptr<MessageLine> line, std::uint64_t epoch, const Clock& clock, Timers& timers, WorkerListener& listener,
                               std::function<void()> on_broken)
    : clock_{clock},
      timers_{timers},
      listener_{listener},
      on_broken_{std::move(on_broken)},
      remote_{new RemoteWorker{std::move(line), epoch, *this}} {}

// The neighbours of a worker that died know only that its connections broke, and may be heard first.
void DeployedWorker::on_task_failed(TaskId task, Error error) {
  if (error.domain() != ErrorDomain::kExternal) return listener_.on_task_failed(task, std::move(error));
  failure_ = TaskFailure{task, std::move(error)};
  pause_ = timers_.at(clock_.steady_ns() + kFailurePauseNs, [this] { tell_failure(); });
}

void DeployedWorker::tell_failure() {
  pause_ = {};
  if (const auto failure = std::exchange(failure_, std::nullopt)) listener_.on_task_failed(failure->task, failure->error);
}

void DeployedWorker::on_ended() {
  tell_failure();
  is_over_ = true;
  patience_ = {};
  listener_.on_ended();
}

void DeployedWorker::on_lost(Error error) {
  is_broken_ = true;
  if (process_ended_) return give_up(cause_.value_or(std::move(error)));
  cause_ = std::move(error);
  on_broken_();
  patience_ = timers_.at(clock_.steady_ns() + kPatienceNs, [this] { give_up(*cause_); });
}

void DeployedWorker::process_ended(std::optional<Error> cause) {
  process_ended_ = true;
  if (is_over_) return;
  if (cause) cause_ = std::move(cause);
  if (is_broken_) return give_up(*cause_);
  patience_ = timers_.at(clock_.steady_ns() + kPatienceNs, [this] {
    give_up(cause_.value_or(Error{ErrorCode::kIo, ErrorDomain::kExternal, Retry::kRestart, "its process ended before its tasks had"}));
  });
}

void DeployedWorker::give_up(Error error) {
  if (std::exchange(is_over_, true)) return;
  tell_failure();
  patience_ = {};
  // Its line may have words in it; where it has ended, this is called by it.
  if (!is_broken_) remote_.reset();
  listener_.on_lost(std::move(error));
}

void DeployedWorker::start(WorkerStart start) {
  if (remote_ != nullptr) remote_->start(std::move(start));
}
void DeployedWorker::open() {
  if (remote_ != nullptr) remote_->open();
}
void DeployedWorker::trigger(const Barrier& barrier, const std::string& folder) {
  if (remote_ != nullptr) remote_->trigger(barrier, folder);
}
void DeployedWorker::notify_complete(CheckpointId id) {
  if (remote_ != nullptr) remote_->notify_complete(id);
}
void DeployedWorker::notify_aborted(CheckpointId id) {
  if (remote_ != nullptr) remote_->notify_aborted(id);
}
void DeployedWorker::hear_group_watermarks(std::vector<GroupWatermark> others) {
  if (remote_ != nullptr) remote_->hear_group_watermarks(std::move(others));
}
void DeployedWorker::drain() {
  if (remote_ != nullptr) remote_->drain();
}
void DeployedWorker::finish() {
  if (remote_ != nullptr) remote_->finish();
}
void DeployedWorker::cancel() {
  if (remote_ != nullptr) remote_->cancel();
}

}  // namespace tidemark
