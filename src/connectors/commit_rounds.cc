#include "connectors/commit_rounds.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <iterator>

#include "base/log.h"
#include "tidemark/detail/base/probe.h"
#include "tidemark/detail/task/failure.h"

namespace tidemark::detail {
namespace {

// Of one committable. The pauses between them add up to some ten seconds.
constexpr int kCommitTries = 8;
constexpr Duration kFirstPause = std::chrono::milliseconds{100};

[[noreturn]] void give_up(const Error& error) {
  TIDEMARK_PROBE("sink: a file can't be committed");
  throw TaskFailure{error};
}

}  // namespace

CommitRounds::CommitRounds(const OperatorContext& context, Wait wait, MakeRound make) : context_{context}, wait_{wait}, make_{std::move(make)} {}

std::string CommitRounds::describe() const { return fmt::format("sink '{}', subtask {}", context_.name.uid, context_.name.subtask); }

void CommitRounds::checkpoint_completed(CheckpointId id) {
  for (CommitOrder& order : ledger_.on_complete(id)) queue_.push_back({std::move(order), 0, std::nullopt});
  start();
}

void CommitRounds::retry() {
  std::ranges::move(queue_, std::back_inserter(waiting_));
  queue_ = std::exchange(waiting_, {});
  start();
}

void CommitRounds::start() {
  const bool is_held = wait_ == Wait::kLong && !waiting_.empty();
  if (!is_running_ && !is_held && !queue_.empty()) run(std::exchange(queue_, {}));
}

void CommitRounds::run(std::vector<CommitTask> tasks) {
  is_running_ = true;
  const auto step = [this, round = make_(std::move(tasks)), post_mail = context_.post_mail] {
    if (!round->step()) return false;
    post_mail([this, round] { finish(*round); });
    return true;
  };
  if (wait_ == Wait::kShort) {
    context_.run_blocking(step);
  } else {
    context_.run_call([step] {
      while (!step()) {
      }
    });
  }
}

void CommitRounds::finish(CommitRound& round) {
  is_running_ = false;
  int failures = 0;
  for (CommitTask& task : round.tasks()) {
    if (!task.error) {
      ledger_.on_committed(task.order.sequence);
      continue;
    }
    if (task.error->retry() == Retry::kNone || task.failures >= kCommitTries) give_up(task.error->within(describe()));
    failures = std::max(failures, task.failures);
    waiting_.push_back(std::move(task));
  }
  if (failures > 0) wait_for_retry(failures);
  start();
}

void CommitRounds::wait_for_retry(int failures) {
  retry_at_ = wall_time(*context_.env) + kFirstPause * (1 << (failures - 1));
  log_debug(fmt::format("{}: committing failed and is tried again: {}", describe(), waiting_.back().error->message()));
}

}  // namespace tidemark::detail
