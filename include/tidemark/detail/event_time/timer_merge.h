// Several sorted files of timers as one. A timer that stands in several of them comes once, as the newest has it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <utility>
#include <vector>

#include "tidemark/detail/event_time/timer_file.h"

namespace tidemark::detail {

/// The order in which timers fire.
struct TimersByTime {
  template <class Key>
  bool operator()(const TimerEntry<Key>& a, const TimerEntry<Key>& b) const {
    return std::tie(a.time, a.key) < std::tie(b.time, b.key);
  }
};

/// The order in which snapshots have them.
struct TimersByHash {
  template <class Key>
  bool operator()(const TimerEntry<Key>& a, const TimerEntry<Key>& b) const {
    return std::tie(a.hash, a.key, a.time) < std::tie(b.hash, b.key, b.time);
  }
};

template <class Key, class Before>
class TimerMerge {
 public:
  using Cursor = TimerFileCursor<Key>;

  TimerMerge() = default;
  /// Cursors that stay their owner's, whom the merge moves; the oldest file's first.
  explicit TimerMerge(std::vector<Cursor*> oldest_first) {
    for (std::size_t age = 0; age < oldest_first.size(); ++age) {
      if (!oldest_first[age]->at_end()) heap_.push_back({oldest_first[age], age});
    }
    std::make_heap(heap_.begin(), heap_.end(), Later{});
  }

  bool empty() const { return heap_.empty(); }
  /// How many cursors are not at their end.
  std::size_t size() const { return heap_.size(); }
  const TimerEntry<Key>& entry() const { return heap_.front().cursor->entry(); }
  void next() {
    std::pop_heap(heap_.begin(), heap_.end(), Later{});
    const Input newest = heap_.back();
    heap_.pop_back();
    while (!heap_.empty() && !Before{}(newest.cursor->entry(), entry())) {
      std::pop_heap(heap_.begin(), heap_.end(), Later{});
      const Input older = heap_.back();
      heap_.pop_back();
      move_on(older);
    }
    move_on(newest);
  }

 private:
  struct Input {
    Cursor* cursor;
    std::size_t age;
  };
  struct Later {
    bool operator()(const Input& a, const Input& b) const {
      if (Before{}(b.cursor->entry(), a.cursor->entry())) return true;
      return a.age < b.age && !Before{}(a.cursor->entry(), b.cursor->entry());
    }
  };

  void move_on(const Input& input) {
    input.cursor->next();
    if (input.cursor->at_end()) return;
    heap_.push_back(input);
    std::push_heap(heap_.begin(), heap_.end(), Later{});
  }

  std::vector<Input> heap_;  // the next entry in front, of the newest file
};

}  // namespace tidemark::detail
