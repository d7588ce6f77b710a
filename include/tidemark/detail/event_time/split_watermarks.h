// The watermark of a source reader: made for each of its splits, the lowest of those that are active.
//
// A split is idle if it was asked and had nothing, so long after it first had nothing, without a record between. The
// attempt decides and not the clock: while nobody asks, because those downstream are busy or the rate forbids it, a split
// stays what it was, as what came meanwhile is read first. A reader without splits is not idle before it is told that there
// is none for it yet: it has asked for one and is answered, and the records of a split would come late if nobody had waited
// for them.
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
  Split add(Timestamp restored);

  /// A batch of the split was handed on, whose largest timestamp is `newest`.
  void observe(Split split, Timestamp newest) {
    splits_[split].generator.observe(newest);
    is_not_silent(split);
  }
  /// The split was asked then, and there was nothing.
  void found_nothing(Split split, std::int64_t asked_ns);
  /// The split is not asked for now, and no call of update() will change that.
  void not_asked(Split split) { splits_[split].is_asked_again = false; }
  /// The split must wait for others that are slower.
  void held_back(Split split) { is_not_silent(split); }

  /// The source itself promises that no record of the split up to `watermark`, inclusive, follows; a lower promise than
  /// before changes nothing.
  void promise(Split split, Timestamp watermark) { splits_[split].generator.promise(watermark); }
  /// The source itself says that the split is silent: it is idle at once, whatever `idle_after_ns`, until this is taken back.
  void declare_idle(Split split, bool silent) { splits_[split].is_declared_idle = silent; }

  /// The split was read to its end, or goes to another reader.
  void finish(Split split);

  /// Whether the reader is idle without any, until the next one is added: nobody knows when that is.
  void idle_without_splits(bool is_idle) { idle_without_splits_ = is_idle; }

  /// No split comes any more: when the last one finishes, the watermark is +infinity.
  void no_more_splits() { no_more_splits_ = true; }

  /// What is to be told downstream: call it behind each attempt to read, also when that found nothing.
  WatermarkChange update();

  /// When to ask again, as a split could then be idle that is not yet so; nothing if none could.
  std::optional<std::int64_t> idle_deadline_ns() const;

  /// For the snapshot: what add() is to be given.
  Timestamp watermark_of(Split split) const { return splits_[split].generator.watermark(); }

  /// Of the reader, as told downstream.
  Timestamp watermark() const { return output_.watermark(); }
  bool idle() const { return output_.idle(); }

 private:
  struct State {
    BoundedOutOfOrderness generator;
    std::optional<std::int64_t> silent_since_ns;  ///< the first attempt that found nothing
    bool open = true;
    bool is_asked_again = false;  ///< it had nothing, and the next call to the reader asks it again
    bool is_declared_idle = false;
    bool idle = false;  ///< by the last attempt
  };

  void is_not_silent(Split split) {
    State& state = splits_[split];
    state.silent_since_ns.reset();
    state.idle = state.is_asked_again = false;
  }

  Duration delay_;
  std::optional<std::int64_t> idle_after_ns_;
  std::vector<State> splits_;
  std::size_t open_ = 0;
  bool idle_without_splits_ = false;
  bool no_more_splits_ = false;
  WatermarkOutput output_;
};

}  // namespace tidemark::detail
