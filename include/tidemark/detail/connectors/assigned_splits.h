// The splits that one reader has: what it was given and has not read yet, how far each was read, and the watermark that
// they make together. It is the reader's state in a checkpoint. One owner, no threads.
//
// Splits of a checkpoint come first. A split counts as idle by what the attempts to read it have found, so one that waits for its
// turn never does. A reader without splits is idle when it was told that there is none for it yet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "tidemark/detail/connectors/split.h"
#include "tidemark/detail/event_time/split_watermarks.h"
#include "tidemark/detail/task/operator.h"

namespace tidemark::detail {

/// What stands in a checkpoint for a split that a reader has.
struct SplitState {
  std::string split;
  std::string position;  ///< empty: its beginning
  Timestamp watermark;
};

class AssignedSplits {
 public:
  AssignedSplits(Duration delay, std::optional<std::int64_t> idle_after_ns, const OperatorContext& context);

  void assign(const SplitRecord& record);

  /// The one being read; null if there is none.
  const SplitState* current() const { return is_reading_ ? &splits_.front().state : nullptr; }
  /// Makes the next one the current one; false if there is none.
  bool begin_next();
  void finish_current();
  /// The others come first; `position` is how far it was read.
  void park_current(std::string position);

  std::size_t size() const { return splits_.size(); }
  bool empty() const { return splits_.empty(); }
  /// There is none, and there will be none.
  bool done() const { return no_more_ && splits_.empty(); }
  bool no_more() const { return no_more_; }

  /// Records of the current split were read, the newest of this time.
  void observe(Timestamp newest);
  /// There was an attempt to read the current split, in vain.
  void found_nothing();
  /// It must wait for slower readers, so it is not silent.
  void held_back() { splits_.front().is_silent = false; }
  /// The rate lets nobody read it for now: if it was silent, the next attempt says whether it still is.
  void not_tried() { watermarks_.hold(splits_.front().watermark); }
  Timestamp current_watermark() const { return watermarks_.watermark_of(splits_.front().watermark); }
  /// True if the watermark or idleness changed.
  bool update_watermark();
  Timestamp watermark() const { return watermarks_.watermark(); }
  bool idle() const { return watermarks_.idle(); }
  /// How long until update_watermark() may find the reader idle; 0 for never.
  std::int64_t idle_in_ns() const;

  /// The list state "splits"; `position` is the current one's.
  std::unique_ptr<SnapshotWork> snapshot(const std::string& position) const;

 private:
  struct Held {
    SplitState state;
    SplitWatermarks::Split watermark = 0;
    bool is_silent = false;
  };

  std::int64_t now_ns() const;
  void add(SplitState state);

  const Env* env_;
  OperatorName name_;
  SplitWatermarks watermarks_;
  std::deque<Held> splits_;  // the current one first
  bool is_reading_ = false;
  bool no_more_ = false;
};

}  // namespace tidemark::detail
