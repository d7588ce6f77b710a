// The splits that one reader has: what it was given and has not read yet, how far each was read, and the watermark that
// they make together. It is the reader's state in a checkpoint. One owner, no threads.
//
// Splits of a checkpoint come first. A split counts as idle by what the attempts to read it have found, so one that waits for its
// turn stays what it was. A reader without splits is idle when it was told that there is none for it yet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "tidemark/detail/connectors/split.h"
#include "tidemark/detail/event_time/split_watermarks.h"
#include "tidemark/detail/model/kept_values.h"
#include "tidemark/detail/task/operator.h"

namespace tidemark::detail {

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

  /// f(state) of each; that of the current one has the position with which it began.
  template <class F>
  void for_each(F&& f) const {
    for (const Held& held : splits_) f(held.state);
  }
  std::size_t size() const { return splits_.size(); }
  bool empty() const { return splits_.empty(); }
  /// There is none, and there will be none.
  bool done() const { return no_more_ && splits_.empty(); }
  bool no_more() const { return no_more_; }
  /// There is none until the other readers have read theirs, so this one must not make them wait.
  bool after_others() const { return after_others_; }

  /// Records of the current split were read, the newest of this time.
  void observe(Timestamp newest);
  /// What the source itself says of the current split, behind observe() or found_nothing().
  void promise(Timestamp watermark) { watermarks_.promise(splits_.front().watermark, watermark); }
  void declare_idle() { watermarks_.declare_idle(splits_.front().watermark, true); }
  /// The current split was asked then, in vain.
  void found_nothing(std::int64_t asked_ns) { watermarks_.found_nothing(splits_.front().watermark, asked_ns); }
  /// It must wait for slower readers, so it is not silent.
  void held_back() { watermarks_.held_back(splits_.front().watermark); }
  /// Nobody asks it for now, or an answer is on its way: it stays what it was.
  void not_asked() { watermarks_.not_asked(splits_.front().watermark); }
  Timestamp current_watermark() const { return watermarks_.watermark_of(splits_.front().watermark); }
  /// True if the watermark or idleness changed.
  bool update_watermark();
  Timestamp watermark() const { return watermarks_.watermark(); }
  bool idle() const { return watermarks_.idle(); }
  /// How long until asking again may find a split idle; 0 for never.
  std::int64_t idle_in_ns() const;

  /// The list state "splits"; `position` is the current one's.
  std::unique_ptr<SnapshotWork> snapshot(const std::string& position) const;

 private:
  struct Held {
    SplitState state;
    SplitWatermarks::Split watermark = 0;
  };

  std::int64_t now_ns() const;
  void add(SplitState state);

  const Env* env_;
  OperatorName name_;
  SplitWatermarks watermarks_;
  std::deque<Held> splits_;  // the current one first
  bool is_reading_ = false;
  bool no_more_ = false;
  bool after_others_ = false;
};

}  // namespace tidemark::detail
