// Deletes checkpoints, one after the other, in the pool. What can't be deleted is logged and left: the next attempt's
// cleaning of orphans finds it.
//
// Threads: the job's master. Ownership: outlives its calls, i.e. is kept until idle().
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "coordinator/blocking_calls.h"
#include "snapshot/checkpoint_store.h"

namespace tidemark {

class CheckpointCleaner {
 public:
  /// Runs as mail when the cleaning is done or has failed.
  using Then = std::move_only_function<void()>;

  CheckpointCleaner(BlockingCalls& calls, std::shared_ptr<CheckpointStore> store)
      : calls_{calls}, store_{std::move(store)} {}

  /// What an aborted checkpoint of this attempt left.
  void discard(CheckpointId id, Then then);
  /// What an aborted savepoint left in `folder`.
  void discard_savepoint(const std::string& folder, Then then);
  /// What the job claimed and needs no more.
  void remove_claimed(std::size_t num_retained);
  /// A complete one.
  void remove(CheckpointId id, AttemptId attempt, Then then);
  /// What earlier attempts left.
  void remove_orphans();
  /// No cleaning, but before any other: see CheckpointStore.
  void remember_restored();
  /// What tasks that have ended left among the shared files.
  void remove_unused_files();

  bool idle() const { return !running_ && queue_.empty(); }

 private:
  struct Job {
    std::string what;  // for the log
    std::move_only_function<Result<>(CheckpointStore&)> clean;
    Then then;
  };

  void add(Job job);
  void run_next();

  BlockingCalls& calls_;
  const std::shared_ptr<CheckpointStore> store_;
  std::deque<Job> queue_;
  bool running_ = false;
};

}  // namespace tidemark
