// Event-time timers of a subtask: a calendar of slots of one second. Registering appends to a slot; a slot is sorted
// when the watermark enters it. Timers for the open slot or before it, which are few, stand in a small ordered set.
//
// A timer is its time and key: registered twice it fires once. Key is std::uint64_t (a key that is one word) or
// std::string (an encoded key). The hash is carried for its owner, who makes it from the key, always the same way.
//
// One owner, no threads; a snapshot may be read by another. Restoring is adding.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "tidemark/detail/event_time/timer_slot.h"
#include "tidemark/detail/event_time/timer_snapshot.h"
#include "tidemark/time.h"

namespace tidemark::detail {

template <class Key>
class TimerQueue {
 public:
  using KeyView = TimerKeyView<Key>;

  TimerQueue() = default;
  TimerQueue(const TimerQueue&) = delete;
  TimerQueue& operator=(const TimerQueue&) = delete;

  void add(Timestamp time, std::uint64_t hash, KeyView key) {
    const std::int64_t slot = timer_slot_of(time);
    if (slot > open_slot_ || !opened_) [[likely]] {
      slot_at(slot).append(timer_ms_in_slot(time), hash, key, false);
    } else if (OpenTimer* timer = find_open(time, key)) {
      timer->deleted = false;
    } else {
      late_.insert({time, hash, Key{key}});
    }
  }

  /// Does nothing if there is no such timer.
  void remove(Timestamp time, std::uint64_t hash, KeyView key) {
    const std::int64_t slot = timer_slot_of(time);
    if (slot > open_slot_ || !opened_) {
      if (slots_.contains(slot)) slot_at(slot).append(timer_ms_in_slot(time), hash, key, true);
    } else if (OpenTimer* timer = find_open(time, key)) {
      timer->deleted = true;
    } else if (const auto late = late_.find(Position{time, key}); late != late_.end()) {
      late_.erase(late);
    }
  }

  /// Takes the timers up to `watermark`, inclusive, by (time, key), and calls f(Timestamp, hash, KeyView) for each; the
  /// view is valid during the call. f may add and remove: a timer added at or before `watermark` fires in this same
  /// call. f says whether to go on: false ends the call, though more may be due. True if nothing more is due.
  template <class F>
  bool pop_due(Timestamp watermark, F&& f) {
    const std::int64_t last_slot = timer_slot_of(watermark);
    while (true) {
      while (!has_sorted() && !slots_.empty() && slots_.begin()->first <= last_slot) open_first_slot();
      if (!has_sorted()) return true;
      if (!late_.empty() && (open_at_ == open_.size() || late_.begin()->position() < position_of(open_[open_at_]))) {
        if (late_.begin()->time > watermark) return true;
        const auto node = late_.extract(late_.begin());
        if (!f(node.value().time, node.value().hash, KeyView{node.value().key})) return false;
      } else {
        const OpenTimer& timer = open_[open_at_];
        const Timestamp time = timer_time(open_slot_, timer.ms);
        if (time > watermark) return true;
        ++open_at_;
        if (!f(time, timer.hash, KeyView{timer.key})) return false;
      }
    }
  }

  void clear() {
    slots_.clear();
    recent_ = nullptr;
    open_.clear();
    open_at_ = 0;
    late_.clear();
  }

  /// No timer is due before this; none if there is no timer. In constant time, so it may come too early: within the
  /// second before a timer, or for one that was removed.
  std::optional<Timestamp> not_due_before() const {
    std::optional<Timestamp> bound;
    if (open_at_ < open_.size()) bound = timer_time(open_slot_, open_[open_at_].ms);
    if (!late_.empty()) bound = std::min(bound.value_or(Timestamp::max()), late_.begin()->time);
    if (bound || slots_.empty()) return bound;
    const std::int64_t slot = slots_.begin()->first;
    return slot == timer_slot_of(Timestamp::min()) ? Timestamp::min() : timer_time(slot, 0);
  }

  /// The live timers as they are now, in time proportional to the chunks and the open slot, not to the timers.
  TimerSnapshot<Key> snapshot() {
    std::vector<typename TimerSnapshot<Key>::Part> parts;
    for (auto& [number, slot] : slots_) {
      slot.share([&, at = number](typename TimerSlot<Key>::SharedPart ops) { parts.push_back({at, std::move(ops)}); });
    }
    return {sorted_timers(), std::move(parts)};
  }

  /// What follows sorts slots to know: for tests, reports and rare decisions.
  std::optional<Timestamp> earliest() const {
    if (const auto sorted = sorted_timers(); !sorted.empty()) return sorted.front().time;
    for (const auto& [number, slot] : slots_) {
      if (const auto live = slot.live(); !live.empty()) return timer_time(number, live.front().ms);
    }
    return std::nullopt;
  }
  bool empty() const { return !earliest(); }
  std::size_t size() const {
    std::size_t size = sorted_timers().size();
    for (const auto& [number, slot] : slots_) size += slot.live().size();
    return size;
  }

 private:
  using OpenTimer = TimerOp<Key>;

  struct Position {
    Timestamp time;
    KeyView key;
    friend bool operator<(const Position& a, const Position& b) {
      return std::tie(a.time, a.key) < std::tie(b.time, b.key);
    }
  };
  struct LateTimer : Timer<Key> {
    Position position() const { return {this->time, this->key}; }
  };
  struct Earlier {
    using is_transparent = void;
    bool operator()(const LateTimer& a, const LateTimer& b) const { return a.position() < b.position(); }
    bool operator()(const LateTimer& a, const Position& b) const { return a.position() < b; }
    bool operator()(const Position& a, const LateTimer& b) const { return a < b.position(); }
  };

  Position position_of(const OpenTimer& timer) const { return {timer_time(open_slot_, timer.ms), timer.key}; }

  TimerSlot<Key>& slot_at(std::int64_t slot) {
    if (recent_ == nullptr || recent_slot_ != slot) {
      recent_ = &slots_[slot];
      recent_slot_ = slot;
    }
    return *recent_;
  }

  // A timer of the open slot that has not fired, be it deleted or not.
  OpenTimer* find_open(Timestamp time, KeyView key) {
    if (timer_slot_of(time) != open_slot_) return nullptr;
    const auto found = std::lower_bound(open_.begin() + static_cast<std::ptrdiff_t>(open_at_), open_.end(),
                                        Position{time, key},
                                        [&](const OpenTimer& a, const Position& b) { return position_of(a) < b; });
    if (found == open_.end() || Position{time, key} < position_of(*found)) return nullptr;
    return &*found;
  }

  bool has_sorted() {
    while (open_at_ < open_.size() && open_[open_at_].deleted) ++open_at_;
    return open_at_ < open_.size() || !late_.empty();
  }

  void open_first_slot() {
    const auto first = slots_.begin();
    open_ = first->second.take_live();
    open_at_ = 0;
    open_slot_ = first->first;
    opened_ = true;
    slots_.erase(first);
    recent_ = nullptr;
  }

  // Those of the open slot and the late ones, by (time, key): all before those of the slots.
  std::vector<Timer<Key>> sorted_timers() const {
    std::vector<Timer<Key>> open;
    for (std::size_t i = open_at_; i < open_.size(); ++i) {
      if (!open_[i].deleted) open.push_back({timer_time(open_slot_, open_[i].ms), open_[i].hash, open_[i].key});
    }
    if (late_.empty()) return open;
    std::vector<Timer<Key>> sorted;
    sorted.reserve(open.size() + late_.size());
    const auto earlier = [](const Timer<Key>& a, const Timer<Key>& b) {
      return std::tie(a.time, a.key) < std::tie(b.time, b.key);
    };
    std::merge(open.begin(), open.end(), late_.begin(), late_.end(), std::back_inserter(sorted), earlier);
    return sorted;
  }

  std::map<std::int64_t, TimerSlot<Key>> slots_;  // all after the open slot
  TimerSlot<Key>* recent_ = nullptr;              // the slot last appended to: mostly the next one, too
  std::int64_t recent_slot_ = 0;

  std::vector<OpenTimer> open_;  // by (time, key); from open_at_ on not fired
  std::size_t open_at_ = 0;
  std::int64_t open_slot_ = 0;
  bool opened_ = false;  // there is an open slot
  std::set<LateTimer, Earlier> late_;
};

}  // namespace tidemark::detail
