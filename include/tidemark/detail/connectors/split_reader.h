// What reads the splits of one source, one after the other or by turns. Made for each subtask, used by its task's thread.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "tidemark/detail/task/operator.h"
#include "tidemark/out.h"
#include "tidemark/source.h"

namespace tidemark::detail {

template <class T>
class SplitReader {
 public:
  enum class Outcome {
    kRecords,  ///< some, or at least a part of the split, was read
    kNothing,  ///< it was asked, and there is nothing for now: see retry_after_ns()
    kNothingYet,  ///< as kNothing, but it is to be asked again at once
    kNotDue,   ///< it had nothing the last time, and is not asked again before retry_after_ns() is over
    kBegun,    ///< an attempt was begun, and mail says when it is done
    kPending,  ///< one is on its way
    kEnd,      ///< the split is read; there may be records with it
  };
  struct Read {
    Outcome outcome = Outcome::kNothing;
    Timestamp newest = Timestamp::min();     ///< the largest event time of what was read
    Timestamp watermark = Timestamp::min();  ///< what the source itself promises of the split: no record up to here follows
    bool is_idle = false;                    ///< the source itself says that the split is silent until more is read
    std::optional<std::int64_t> asked_ns{};  ///< in vain: when, in steady time, if that was before this call
  };

  virtual ~SplitReader() = default;

  /// Once, before all else. `context` outlives the reader.
  virtual void start(const OperatorContext& context) = 0;
  /// The next split, at a position that position() gave, or an empty one for its beginning. Throws Error.
  virtual void open(std::string_view split, std::string_view position) = 0;
  /// At most one batch, and about `most` records, into `out`, flushed, and what was no record into `bad`, not flushed. Throws
  /// Error.
  virtual Read read(Out<T>& out, Out<BadRecord>& bad, std::uint32_t most) = 0;
  /// Whether the reader turns to its other splits after each read of the open one, which it opens again later.
  virtual bool side_by_side() const { return false; }
  /// How far the open split was read.
  virtual std::string position() const = 0;
  /// What was handed on so far is what checkpoint `id` holds of it.
  virtual void at_barrier(CheckpointId id) { static_cast<void>(id); }
  /// Checkpoint `id` stands: nothing that it holds is read again. Calls may skip ids but never go back.
  virtual void checkpoint_completed(CheckpointId id) { static_cast<void>(id); }
  /// Checkpoint `id` will never complete.
  virtual void checkpoint_aborted(CheckpointId id) { static_cast<void>(id); }
  /// False while the reader must not end though all is read: it waits for an answer. Mail says when to ask again.
  virtual bool settled() { return true; }
  /// After kNothing and kNotDue; 0: mail says when.
  virtual std::int64_t retry_after_ns() const { return 0; }
  /// Records left out by on_error(skip()).
  virtual std::uint64_t skipped() const { return 0; }
  /// Of the input, since the reader was made; 0 where that means nothing.
  virtual std::uint64_t bytes_read() const { return 0; }
  /// What is known to be in a split behind a position that position() gave, or behind its beginning. Throws Error.
  virtual PendingInput pending_in(std::string_view split, std::string_view position) const {
    static_cast<void>(split);
    static_cast<void>(position);
    return {};
  }
};

}  // namespace tidemark::detail
