// The contract between a task and the operators of its chain.
//
// Records come as batches by receive() (one virtual call a batch); results leave through the operator's Out, flushed before
// receive(), advance() or end_of_data() returns, so nothing waits in an operator between two calls. All calls come from one
// thread, never two at once. Any of them may throw; the task then fails as a whole and its operators are destroyed.
//
// Life: constructor (declares only) -> open (restored state is there when it returns) -> receive, advance, snapshot,
// checkpoint_completed, in any order -> end_of_data once -> snapshot, checkpoint_completed -> destructor.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "tidemark/detail/event_time/watermark_output.h"
#include "tidemark/detail/model/batch.h"
#include "tidemark/detail/model/checkpoint.h"
#include "tidemark/detail/model/pending_input.h"
#include "tidemark/detail/state/operator_context.h"
#include "tidemark/detail/task/failure.h"
#include "tidemark/time.h"

namespace tidemark::detail {

class SideOutputs;

class Operator : public BatchReceiver {
 public:
  virtual ~Operator() = default;

  virtual void open(OperatorContext& context) = 0;

  /// Where the records of input `index` go: an operator with two inputs of different types gives each its receiver. Valid as
  /// long as the operator.
  virtual BatchReceiver& input(std::uint32_t index) {
    static_cast<void>(index);
    return *this;
  }

  /// The side outputs that its function has declared; null for an operator whose function can't.
  virtual SideOutputs* side_outputs() { return nullptr; }

  /// No record with a time below or at `watermark` is expected any more: fire what is due. False if more is due than one
  /// call should emit; then it is called again with the same watermark, once the outbox is empty and before any record,
  /// barrier or later watermark.
  [[nodiscard]] virtual bool advance(Timestamp watermark) {
    static_cast<void>(watermark);
    return true;
  }

  /// The earliest time on the wall clock at which the operator wants advance_processing_time(); none: not at all. Asked
  /// between two calls of any other function.
  virtual std::optional<Timestamp> next_processing_time() const { return std::nullopt; }
  /// The wall clock has come to `now`: fire what is due. False as advance() does. Not called behind end_of_data().
  [[nodiscard]] virtual bool advance_processing_time(Timestamp now) {
    static_cast<void>(now);
    return true;
  }

  /// A barrier or a marker is about to go out: hands on what the operator keeps back between two calls, if it does.
  virtual void hand_on_held() {}

  /// All input was read.
  virtual void end_of_data() {}

  /// At a barrier, between the records before and those behind it. Must be quick: what takes time goes into the work. Null
  /// if the operator has nothing to keep.
  virtual std::unique_ptr<SnapshotWork> snapshot(const SnapshotRequest& request) {
    static_cast<void>(request);
    return nullptr;
  }

  /// Checkpoint `id` stands; calls may skip ids but never go back. Two-phase sinks commit.
  virtual void checkpoint_completed(CheckpointId id) { static_cast<void>(id); }
  /// Checkpoint `id` will never complete.
  virtual void checkpoint_aborted(CheckpointId id) { static_cast<void>(id); }

  /// False while the operator still has something to do before its task may end (a commit in flight).
  virtual bool settled() const { return true; }

  /// For metrics: records handed on (by a sink: written), and late ones that went nowhere.
  virtual std::uint64_t records_out() const { return 0; }
  virtual std::uint64_t late_dropped() const { return 0; }
  /// By a source: records of its input that could not be read and were passed over.
  virtual std::uint64_t skipped() const { return 0; }
  /// By a source: bytes of its input that were read, where it knows.
  virtual std::uint64_t bytes_read() const { return 0; }
  /// By a source: what it knows to be there and has not read. Asked about once a second.
  virtual PendingInput pending() { return {}; }
  /// By a source that keeps pace with others: how far it is ahead of the slowest. Asked about once a second.
  virtual std::optional<Duration> alignment_drift() const { return std::nullopt; }
  /// Timers of user functions that have fired.
  virtual std::uint64_t fired_timers() const { return 0; }
  /// Timers of user functions that wait, of event time and of processing time.
  virtual std::size_t timers() const { return 0; }
};

/// An operator that hands on by itself and not only when it is given something: always the first of its task.
class PolledOperator : public Operator {
 public:
  enum class Poll {
    kEmitted,   ///< records were handed on, or time advanced; poll again
    kNothing,   ///< nothing now; poll again after mail, input or `retry_after_ns`
    kFinished,  ///< nothing ever again
  };
  /// One batch at most.
  virtual Poll poll() = 0;
  /// Event time of everything emitted so far; the task hands it on when it changes.
  virtual Timestamp watermark() const = 0;
  /// True while the operator is silent and nobody should wait for its watermark.
  virtual bool idle() const { return false; }
  /// After kNothing: how long until polling again makes sense without mail; 0 for never.
  virtual std::int64_t retry_after_ns() const { return 0; }
};

/// One that produces: a source's reader or its enumerator.
class SourceOperator : public PolledOperator {};

/// One between input and output that holds records back, and time with them: async I/O. It ends when its input has ended and
/// all it held has been handed on; a barrier does not wait for that.
class WaitingOperator : public PolledOperator {
 public:
  /// What the watermark of all inputs together, and whether they are idle, has changed to.
  virtual void on_input_time(const WatermarkChange& change) = 0;
  virtual void on_end_of_input() = 0;
  /// False while it has no room for another batch: all else in its input goes on.
  virtual bool takes_batches() const = 0;
  /// True if a poll would hand something on: then it goes before the input.
  virtual bool ready() const = 0;
};

}  // namespace tidemark::detail
