// The commits of one subtask of a two-phase sink: in rounds off the task's thread, one at a time, and again after growing pauses where
// one fails, each so many times; then the task fails, and its restart commits.
//
// Threads: a round's step() by any, everything else by the task. The operator outlives it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "protocol/commit_ledger.h"
#include "tidemark/detail/state/operator_context.h"
#include "tidemark/error.h"
#include "tidemark/time.h"

namespace tidemark::detail {

/// A thing to commit, and how often that failed.
struct CommitTask {
  CommitOrder order;
  int failures = 0;
  std::optional<Error> error;  ///< of the last try, its own or that of one which it waits for
};

/// One try to commit some.
class CommitRound {
 public:
  explicit CommitRound(std::vector<CommitTask> tasks) : tasks_{std::move(tasks)} {}
  virtual ~CommitRound() = default;
  /// True when finished: a task without an error is committed for good.
  virtual bool step() = 0;
  std::vector<CommitTask>& tasks() { return tasks_; }

 protected:
  static void fail(CommitTask& task, const Error& error) {
    ++task.failures;
    task.error = error;
  }

 private:
  std::vector<CommitTask> tasks_;
};

class CommitRounds {
 public:
  using MakeRound = std::function<std::shared_ptr<CommitRound>(std::vector<CommitTask>)>;
  enum class Wait {
    kShort,  ///< a step is one call of the file system: rounds run on the blocking pool, and what failed holds nothing up
    kLong,   ///< a step may wait for another system; commits keep their order: behind one that failed nothing is begun
  };

  CommitRounds(const OperatorContext& context, Wait wait, MakeRound make);

  CommitLedger& ledger() { return ledger_; }
  /// Commits what that checkpoint and those before it have prepared.
  void checkpoint_completed(CheckpointId id);
  /// When retry() is to be called.
  std::optional<Timestamp> next_retry() const { return waiting_.empty() ? std::nullopt : std::optional{retry_at_}; }
  void retry();
  /// Nothing is in flight and nothing waits.
  bool settled() const { return !is_running_ && queue_.empty() && waiting_.empty(); }

  /// "sink 'out', subtask 0".
  std::string describe() const;

 private:
  void start();
  void run(std::vector<CommitTask> tasks);
  void finish(CommitRound& round);
  void wait_for_retry(int failures);

  const OperatorContext& context_;
  Wait wait_;
  MakeRound make_;
  CommitLedger ledger_;
  bool is_running_ = false;
  std::vector<CommitTask> queue_;    // for the next round
  std::vector<CommitTask> waiting_;  // for retry(), all at once
  Timestamp retry_at_;               // with any waiting
};

}  // namespace tidemark::detail
