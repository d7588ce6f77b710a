// The watermark of a source reader: made for each of its splits, the lowest of those that are active.
//
// A split is idle after a time without records. That is decided right behind an attempt to read, so time in which nobody
// read because of those downstream makes no split idle: what came meanwhile is read first. A split that may not be read for
// now stays what it was, idle or not, until an attempt is made. A reader without splits is not
// idle before it is told that there is none for it yet: it has asked for one and is answered, and the records of a split
// would come late if nobody had waited for them.
//
// Before its first record a split holds the watermark where it is, as its records are not known; a reader that waits for
// its next split holds it, too. Each split's watermark belongs into the snapshot with the split and comes back with
// add(), so that what was late stays late.
//
// Time is steady nanoseconds and is given with each call. One owner, no threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "tidemark/detail/event_time/bounded_out_of_orderness.h"
#include "tidemark/detail/event_time/watermark_output.h"
#include "tidemark/time.h"

namespace tidemark::detail {

class SplitWatermarks {
 public:
  /// Names a split from add() to finish(); numbers are used again.
  using Split = std::uint32_t;

  /// Without `idle_after_ns` nothing is ever idle.
  SplitWatermarks(Duration delay, std::optional<std::int64_t> idle_after_ns);

  /// A split begins, or goes on after a restore with the watermark that it had.
  Split add(Timestamp restored, std::int64_t now_ns);

  /// A batch of the split, whose largest timestamp is `newest`.
  void observe(Split split, Timestamp newest, std::int64_t now_ns) {
    State& state = splits_[split];
    state.generator.observe(newest);
    state.active_ns = now_ns;
    state.is_held = false;
  }

  /// The split may not be read for now: update() finds it neither idle nor active before observe() or release().
  void hold(Split split) { splits_[split].is_held = true; }
  /// There was an attempt to read it.
  void release(Split split) { splits_[split].is_held = false; }

  /// The split was read to its end, or goes to another reader.
  void finish(Split split);

  /// Nobody knows when the next split comes: without any the reader is idle until then.
  void none_yet() { none_yet_ = true; }

  /// No split comes any more: when the last one finishes, the watermark is +infinity.
  void no_more_splits() { no_more_splits_ = true; }

  /// What is to be told downstream: call it behind each attempt to read, also when that found nothing, and try again at
  /// idle_deadline_ns().
  WatermarkChange update(std::int64_t now_ns);

  /// When update() could find a split idle that is not yet so; nothing if only a batch changes something.
  std::optional<std::int64_t> idle_deadline_ns() const;

  /// For the snapshot: what add() is to be given.
  Timestamp watermark_of(Split split) const { return splits_[split].generator.watermark(); }

  /// Of the reader, as told downstream.
  Timestamp watermark() const { return output_.watermark(); }
  bool idle() const { return output_.idle(); }

 private:
  struct State {
    BoundedOutOfOrderness generator;
    std::int64_t active_ns;
    bool open = true;
    bool is_held = false;
    bool idle = false;  ///< as of the last update()
  };

  bool is_idle(std::int64_t active_ns, std::int64_t now_ns) const {
    return idle_after_ns_ && now_ns - active_ns >= *idle_after_ns_;
  }

  Duration delay_;
  std::optional<std::int64_t> idle_after_ns_;
  std::vector<State> splits_;
  std::size_t open_ = 0;
  bool none_yet_ = false;
  bool no_more_splits_ = false;
  WatermarkOutput output_;
};

}  // namespace tidemark::detail
