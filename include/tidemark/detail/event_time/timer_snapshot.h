// The timers of a queue as they were at one moment. Immutable: any thread may read and drop it while the queue goes on.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "tidemark/detail/event_time/timer_slot.h"
#include "tidemark/time.h"

namespace tidemark::detail {

template <class Key>
struct Timer {
  Timestamp time;
  std::uint64_t hash;
  Key key;
};

template <class Key>
class TimerSnapshot {
 public:
  /// One chunk of a slot; those of one slot lie side by side, slots ascend.
  struct Part {
    std::int64_t slot;
    typename TimerSlot<Key>::SharedPart ops;
  };

  /// `sorted` are live and come before all of `parts`.
  TimerSnapshot(std::vector<Timer<Key>> sorted, std::vector<Part> parts)
      : sorted_{std::move(sorted)}, parts_{std::move(parts)} {}

  /// Calls f(Timestamp, hash, TimerKeyView<Key>) for each live timer by (time, key).
  template <class F>
  void for_each(F&& f) const {
    for (const Timer<Key>& timer : sorted_) f(timer.time, timer.hash, TimerKeyView<Key>{timer.key});
    std::vector<TimerOp<Key>> ops;
    for (std::size_t i = 0; i < parts_.size();) {
      const std::int64_t slot = parts_[i].slot;
      ops.clear();
      for (; i < parts_.size() && parts_[i].slot == slot; ++i) {
        ops.insert(ops.end(), parts_[i].ops.begin, parts_[i].ops.end);
      }
      keep_live_timers(ops);
      for (const TimerOp<Key>& op : ops) f(timer_time(slot, op.ms), op.hash, TimerKeyView<Key>{op.key});
    }
  }

  /// What it holds of the queue's slots, dead timers too.
  const std::vector<Part>& parts() const { return parts_; }

 private:
  std::vector<Timer<Key>> sorted_;
  std::vector<Part> parts_;
};

}  // namespace tidemark::detail
