// The timers of a queue as they were at one moment. Immutable: any thread may read and drop it while the queue goes on; a
// reader is one thread's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "tidemark/detail/event_time/timer_merge.h"
#include "tidemark/detail/event_time/timer_runs.h"
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

  /// `sorted` are live and come before all others. `parts` overrule `runs`, the oldest of which comes first.
  TimerSnapshot(std::vector<Timer<Key>> sorted, std::vector<Part> parts, std::vector<TimerRunPart> runs)
      : sorted_{std::move(sorted)}, parts_{std::move(parts)}, runs_{std::move(runs)} {}

  const std::vector<Timer<Key>>& sorted() const { return sorted_; }
  const std::vector<Part>& parts() const { return parts_; }
  const std::vector<TimerRunPart>& runs() const { return runs_; }

  /// Calls f(Timestamp, hash, TimerKeyView<Key>) for each live timer by (time, key).
  template <class F>
  void for_each(F&& f) const;

 private:
  std::vector<Timer<Key>> sorted_;
  std::vector<Part> parts_;
  std::vector<TimerRunPart> runs_;
};

/// Goes through the live timers of a snapshot, which outlives it, by (time, key).
template <class Key>
class TimerReader {
 public:
  explicit TimerReader(const TimerSnapshot<Key>& snapshot) : snapshot_{snapshot} {
    std::vector<TimerFileCursor<Key>*> cursors;
    for (const TimerRunPart& run : snapshot.runs()) {
      cursors_.push_back(std::make_unique<TimerFileCursor<Key>>(run.file, run.from));
      cursors.push_back(cursors_.back().get());
    }
    runs_ = TimerMerge<Key, TimersByTime>{std::move(cursors)};
  }

  /// The next one, valid until the next call; null behind the last.
  const TimerEntry<Key>* next() {
    if (sorted_at_ < snapshot_.sorted().size()) {
      const Timer<Key>& timer = snapshot_.sorted()[sorted_at_++];
      entry_ = {timer.time, timer.hash, timer.key, false};
      return &entry_;
    }
    while (next_entry()) {
      if (!entry_.deleted) return &entry_;
    }
    return nullptr;
  }

 private:
  // Of slots and runs, deleted or not.
  bool next_entry() {
    if (takes_run_) runs_.next();
    takes_run_ = false;
    const bool has_op = op_at_ < ops_.size() || next_slot();
    if (has_op) {
      const TimerOp<Key>& op = ops_[op_at_];
      entry_ = {timer_time(slot_, op.ms), op.hash, op.key, op.deleted};
    }
    if (runs_.empty()) {
      op_at_ += has_op;
      return has_op;
    }
    if (!has_op || TimersByTime{}(runs_.entry(), entry_)) {
      entry_ = runs_.entry();
      takes_run_ = true;
      return true;
    }
    takes_run_ = !TimersByTime{}(entry_, runs_.entry());
    ++op_at_;
    return true;
  }
  bool next_slot() {
    ops_.clear();
    op_at_ = 0;
    const auto& parts = snapshot_.parts();
    while (ops_.empty() && part_at_ < parts.size()) {
      slot_ = parts[part_at_].slot;
      for (; part_at_ < parts.size() && parts[part_at_].slot == slot_; ++part_at_) {
        ops_.insert(ops_.end(), parts[part_at_].ops.begin, parts[part_at_].ops.end);
      }
      keep_last_ops(ops_, cursors_.empty() ? KeepTimers::kLive : KeepTimers::kDeletedToo);
    }
    return !ops_.empty();
  }

  const TimerSnapshot<Key>& snapshot_;
  std::size_t sorted_at_ = 0;
  std::size_t part_at_ = 0;
  std::vector<TimerOp<Key>> ops_;  // of the slot at hand
  std::size_t op_at_ = 0;
  std::int64_t slot_ = 0;
  std::vector<std::unique_ptr<TimerFileCursor<Key>>> cursors_;
  TimerMerge<Key, TimersByTime> runs_;
  bool takes_run_ = false;  // the entry at hand is the runs' next, which is to be left behind
  TimerEntry<Key> entry_;
};

template <class Key>
template <class F>
void TimerSnapshot<Key>::for_each(F&& f) const {
  TimerReader<Key> reader{*this};
  while (const TimerEntry<Key>* timer = reader.next()) f(timer->time, timer->hash, timer->key);
}

}  // namespace tidemark::detail
