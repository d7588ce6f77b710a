// Event-time timers of a subtask: a calendar of slots of one second. Registering appends to a slot; a slot is sorted
// when the watermark enters it. Timers for the open slot or before it, which are few, stand in a small ordered set.
//
// A timer is its time and key: registered twice it fires once. Key is std::uint64_t (a key that is one word), FixedKey or
// std::string (an encoded key). The hash is carried for its owner, who makes it from the key, always the same way.
//
// A queue that may spill writes what is done to the farthest slots into files (timer_runs.h) when it holds more than its
// share. What is done after that to a timer which is in a file, slots hold and overrule it. Where a slot is opened, its part
// of the files is read; of a slot with more timers in files than are wanted in memory, only as many, and what is left of it
// lies ahead like a later slot.
//
// One owner, no threads; a snapshot may be read by another. Restoring is adding.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "tidemark/detail/base/scratch_files.h"
#include "tidemark/detail/event_time/timer_runs.h"
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

  /// From now on it may spill. Before the first timer.
  void spill_to(ScratchFiles& files) { runs_ = std::make_unique<TimerRuns<Key>>(files); }

  void add(Timestamp time, std::uint64_t hash, KeyView key) {
    const std::int64_t slot = timer_slot_of(time);
    if (is_ahead(slot, time, key)) [[likely]] {
      slot_at(slot).append(timer_ms_in_slot(time), hash, key, false, all_slots_);
    } else {
      add_to_open(time, hash, key);
    }
  }

  /// Does nothing if there is no such timer.
  void remove(Timestamp time, std::uint64_t hash, KeyView key) {
    const std::int64_t slot = timer_slot_of(time);
    if (is_ahead(slot, time, key)) {
      if (!slots_.contains(slot) && !(runs_ != nullptr && runs_->may_hold(time))) return;
      slot_at(slot).append(timer_ms_in_slot(time), hash, key, true, all_slots_);
    } else if (OpenTimer* timer = find_open(time, key)) {
      timer->deleted = true;
    } else if (const auto late = late_.find(Position{time, key}); late != late_.end()) {
      late_bytes_ -= bytes_of(*late);
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
      while (!has_sorted() && has_ahead() && first_slot_ahead() <= last_slot) open_first_slot();
      if (!has_sorted()) return true;
      if (!late_.empty() && (open_at_ == open_.size() || late_.begin()->position() < position_of(open_[open_at_]))) {
        if (late_.begin()->time > watermark) return true;
        const auto node = late_.extract(late_.begin());
        late_bytes_ -= bytes_of(node.value());
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

  /// Of a timer that comes so many places behind the next one, its hash: so that what it needs may be asked for. Null where
  /// none is known yet.
  const std::uint64_t* hash_ahead(std::size_t places) const {
    return places < open_.size() - open_at_ ? &open_[open_at_ + places].hash : nullptr;
  }

  void clear() {
    slots_.clear();
    recent_ = nullptr;
    all_slots_ = {};
    if (runs_ != nullptr) spill_to(runs_->files());
    open_.clear();
    open_at_ = 0;
    open_bytes_ = 0;
    open_until_.reset();
    late_.clear();
    late_bytes_ = 0;
  }

  /// No timer is due before this; none if there is no timer. In constant time, so it may come too early: within the
  /// second before a timer, or for one that was removed.
  std::optional<Timestamp> not_due_before() const {
    std::optional<Timestamp> bound;
    if (open_at_ < open_.size()) bound = timer_time(open_slot_, open_[open_at_].ms);
    if (!late_.empty()) bound = std::min(bound.value_or(Timestamp::max()), late_.begin()->time);
    if (bound || !has_ahead()) return bound;
    const std::int64_t slot = first_slot_ahead();
    return slot == timer_slot_of(Timestamp::min()) ? Timestamp::min() : timer_time(slot, 0);
  }

  /// What it holds of memory, about.
  std::size_t bytes() const {
    return slots_bytes() + open_bytes_ + late_bytes_ + (runs_ != nullptr ? runs_->memory_bytes() : 0);
  }
  /// Spills if need be, so that slots hold at most so much; between two calls of pop_due. Throws Error if a file cannot be
  /// written.
  void keep_to(std::size_t share_bytes) {
    if (runs_ == nullptr) return;
    piece_ = std::max(kLeastPiece, share_bytes / 4 / sizeof(OpenTimer));
    std::size_t spilled = 0;
    if (const std::size_t held = slots_bytes(); held > share_bytes) {
      spilled = spill(std::max(held - share_bytes, std::min(share_bytes / 2, kSpillBytes)));
    }
    // As often as a timer is spilled, a few others are merged: so there are never many runs.
    runs_->merge_some(std::max(kMergeEntries, 4 * spilled));
  }

  /// The live timers as they are now, in time proportional to the chunks and the open slot, not to the timers.
  TimerSnapshot<Key> snapshot() {
    for (auto& [number, slot] : slots_) slot.share();
    return look();
  }

  /// What follows sorts slots and reads files to know: for tests, reports and rare decisions.
  std::optional<Timestamp> earliest() const {
    const TimerSnapshot<Key> timers = look();
    TimerReader<Key> reader{timers};
    const TimerEntry<Key>* first = reader.next();
    return first != nullptr ? std::optional{first->time} : std::nullopt;
  }
  bool empty() const { return !earliest(); }
  std::size_t size() const {
    std::size_t size = 0;
    look().for_each([&](const auto&...) { ++size; });
    return size;
  }

 private:
  using OpenTimer = TimerOp<Key>;
  using Ops = std::vector<OpenTimer>;

  // Of a slot without ops, about: it is a node of a map.
  static constexpr std::size_t kSlotBytes = 128;
  // What is written at once takes some ten milliseconds.
  static constexpr std::size_t kSpillBytes = 4u << 20;
  static constexpr std::size_t kMergeEntries = 4096;
  static constexpr std::size_t kLeastPiece = 16;

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
  struct OwnPosition {
    Timestamp time;
    Key key;
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

  [[gnu::noinline]] void add_to_open(Timestamp time, std::uint64_t hash, KeyView key) {
    if (OpenTimer* timer = find_open(time, key)) {
      timer->deleted = false;
    } else if (const auto [late, added] = late_.insert({time, hash, Key{key}}); added) {
      late_bytes_ += bytes_of(*late);
    }
  }

  // Behind all that is open.
  bool is_ahead(std::int64_t slot, Timestamp time, KeyView key) const {
    if (slot > open_slot_ || !opened_) [[likely]] return true;
    return open_until_ && slot == open_slot_ && !(Position{time, key} < Position{open_until_->time, open_until_->key});
  }
  bool has_runs() const { return runs_ != nullptr && !runs_->empty(); }
  bool has_ahead() const { return !slots_.empty() || has_runs(); }
  std::int64_t first_slot_ahead() const {
    constexpr std::int64_t kNone = std::numeric_limits<std::int64_t>::max();
    const std::int64_t in_memory = slots_.empty() ? kNone : slots_.begin()->first;
    return has_runs() ? std::min(in_memory, timer_slot_of(runs_->first().time)) : in_memory;
  }

  void open_first_slot() {
    open_slot_ = first_slot_ahead();
    open_at_ = 0;
    opened_ = true;
    open_until_.reset();
    Ops ops;
    if (const auto first = slots_.begin(); first != slots_.end() && first->first == open_slot_) {
      ops = first->second.take(all_slots_);
      slots_.erase(first);
      recent_ = nullptr;
    }
    const bool is_spilled = has_runs() && timer_slot_of(runs_->first().time) == open_slot_;
    open_ = is_spilled ? with_spilled(std::move(ops)) : std::move(ops);
    open_bytes_ = open_.capacity() * sizeof(OpenTimer);
    for (const OpenTimer& timer : open_) open_bytes_ += outside_bytes(timer.key);
  }

  // Of the open slot what files have, up to a piece of it, overruled by `ops`.
  Ops with_spilled(Ops ops) {
    Ops open;
    auto op = ops.begin();
    const auto take_ops_before = [&](const Position& position) {
      while (op != ops.end() && position_of(*op) < position) open.push_back(std::move(*op++));
    };
    for (std::size_t taken = 0; has_runs() && timer_slot_of(runs_->first().time) == open_slot_; ++taken) {
      const TimerEntry<Key>& entry = runs_->first();
      const Position position{entry.time, entry.key};
      take_ops_before(position);
      if (taken >= piece_) {
        open_until_ = OwnPosition{entry.time, Key{entry.key}};
        break;
      }
      const bool is_overruled = op != ops.end() && !(position < position_of(*op));
      if (!entry.deleted && !is_overruled) {
        open.push_back({Key{entry.key}, entry.hash, 0, timer_ms_in_slot(entry.time), false});
      }
      if (is_overruled) open.push_back(std::move(*op++));
      runs_->take_first();
    }
    for (; op != ops.end(); ++op) {
      if (open_until_) {
        slot_at(open_slot_).append(op->ms, op->hash, op->key, op->deleted, all_slots_);
      } else {
        open.push_back(std::move(*op));
      }
    }
    if (!has_runs()) all_slots_.keep = KeepTimers::kLive;
    return open;
  }

  std::size_t slots_bytes() const { return all_slots_.bytes + slots_.size() * kSlotBytes; }
  static std::size_t bytes_of(const LateTimer& timer) {
    constexpr std::size_t kNodeBytes = 48;
    return kNodeBytes + sizeof timer + outside_bytes(timer.key);
  }

  // The farthest slots that hold as much; gives how many timers they had.
  std::size_t spill(std::size_t bytes) {
    auto from = slots_.end();
    for (std::size_t chosen = 0; chosen < bytes && from != slots_.begin();) {
      --from;
      chosen += from->second.bytes() + kSlotBytes;
    }
    recent_ = nullptr;
    all_slots_.keep = has_runs() ? KeepTimers::kDeletedToo : KeepTimers::kLive;
    TimerFileWriter<Key> writer{runs_->files()};
    std::size_t spilled = 0;
    while (from != slots_.end()) {
      const Ops ops = from->second.take(all_slots_);
      for (const OpenTimer& op : ops) writer.add({timer_time(from->first, op.ms), op.hash, op.key, op.deleted});
      spilled += ops.size();
      from = slots_.erase(from);
    }
    runs_->add(writer.finish());
    if (has_runs()) all_slots_.keep = KeepTimers::kDeletedToo;
    return spilled;
  }

  TimerSnapshot<Key> look() const {
    std::vector<typename TimerSnapshot<Key>::Part> parts;
    for (const auto& [number, slot] : slots_) {
      slot.look([&, at = number](typename TimerSlot<Key>::SharedPart ops) { parts.push_back({at, std::move(ops)}); });
    }
    return {sorted_timers(), std::move(parts), runs_ != nullptr ? runs_->parts() : std::vector<TimerRunPart>{}};
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

  std::map<std::int64_t, TimerSlot<Key>> slots_;  // all that is ahead and in memory
  TimerSlots all_slots_;
  TimerSlot<Key>* recent_ = nullptr;              // the slot last appended to: mostly the next one, too
  std::int64_t recent_slot_ = 0;

  std::vector<OpenTimer> open_;  // by (time, key); from open_at_ on not fired
  std::size_t open_at_ = 0;
  std::int64_t open_slot_ = 0;
  bool opened_ = false;  // there is an open slot
  std::optional<OwnPosition> open_until_;  // what is ahead begins here; none where the whole slot is open
  std::size_t open_bytes_ = 0;
  std::set<LateTimer, Earlier> late_;
  std::size_t late_bytes_ = 0;

  std::unique_ptr<TimerRuns<Key>> runs_;  // null where nothing spills
  std::size_t piece_ = kLeastPiece;       // of a slot, how many timers of files are opened at once
};

}  // namespace tidemark::detail
