// What an operator is given to restore, keep and snapshot its state. Plain data and one interface; see operator.h for who
// calls what when.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "tidemark/detail/model/checkpoint.h"
#include "tidemark/detail/model/load_event.h"
#include "tidemark/detail/model/operator_name.h"
#include "tidemark/time.h"

namespace tidemark {
struct Env;
}

namespace tidemark::detail {

/// The part of a snapshot that may block on I/O. It runs off the task's thread, cut into steps.
class SnapshotWork {
 public:
  virtual ~SnapshotWork() = default;
  /// Does a bounded piece; true when the result is complete and durable. Throws Error if it cannot be.
  virtual bool step() = 0;
  /// What goes into the checkpoint; once, after step() returned true.
  virtual OperatorSnapshot take_result() = 0;
  virtual std::uint64_t bytes_written() const { return 0; }
};

/// What an operator is opened with. Valid as long as the operator.
struct OperatorContext {
  const Env* env = nullptr;
  std::string job;
  OperatorName name;
  std::uint32_t parallelism = 1;
  std::uint32_t max_parallelism = kDefaultMaxParallelism;
  AttemptId attempt = 0;
  OperatorRestore restore;
  std::string shared_folder;  ///< absolute, of files that several checkpoints share; empty: every checkpoint is whole
  bool restored = false;  ///< true if the job continues from a checkpoint, even one without state of this operator
  /// Runs the function between two steps of the task; from any thread. After the task's end it is dropped.
  std::function<void(std::function<void()>)> post_mail;
  /// Hands work to the blocking pool; its step() returns true when finished.
  std::function<void(std::function<bool()>)> run_blocking;
  /// Runs a call of the user's that may wait for long, beside whatever else runs. The task does not end before it returns.
  std::function<void(std::function<void()>)> run_call;
  /// Restored state is loaded behind; from the task's thread. Null where nobody wants to know.
  std::function<void(const LoadEvent&)> tell_loading;

  KeyGroupRange key_groups() const { return range_of_subtask(name.subtask, parallelism, max_parallelism); }
};

/// What the wall clock of that world shows.
Timestamp wall_time(const Env& env);
/// What its steady clock shows.
std::int64_t steady_time_ns(const Env& env);

/// Where a snapshot of an operator goes.
struct SnapshotRequest {
  Barrier barrier;
  std::string folder;       ///< of the checkpoint; empty: nothing is persisted, only prepare for commit
  std::string file_prefix;  ///< for names of files in it, different for each operator and subtask
  std::string job;
};

}  // namespace tidemark::detail
