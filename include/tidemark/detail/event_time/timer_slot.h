// The timers of one second, as the unsorted list of what was done: registered, deleted. The order and the truth are
// made from it once, when the watermark gets there.
//
// The list stands in chunks that are only appended to, so that a snapshot shares them: it notes how long each was and
// may be read by another thread while the owner appends behind that. A list that repeats itself (the same timer
// registered by each record) is compacted into a new chunk. One owner; its shared parts may be read and dropped by any
// thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "tidemark/detail/codec/fixed_key.h"
#include "tidemark/time.h"

namespace tidemark::detail {

/// How a timer's key is handed in and out: a word as it is, an encoded key as a view.
template <class Key>
using TimerKeyView = std::conditional_t<std::is_same_v<Key, std::uint64_t>, std::uint64_t, std::string_view>;

inline constexpr std::int64_t kTimerSlotMs = 1000;

/// The number of the slot that `t` lies in; right for all of int64.
constexpr std::int64_t timer_slot_of(Timestamp t) {
  return t.ms() / kTimerSlotMs - (t.ms() % kTimerSlotMs < 0 ? 1 : 0);
}

/// A slot may begin before the lowest Timestamp, so this counts modulo 2^64.
constexpr std::uint16_t timer_ms_in_slot(Timestamp t) {
  return static_cast<std::uint16_t>(static_cast<std::uint64_t>(t.ms()) -
                                    static_cast<std::uint64_t>(timer_slot_of(t)) * kTimerSlotMs);
}
constexpr Timestamp timer_time(std::int64_t slot, std::uint16_t ms) {
  return Timestamp{static_cast<std::int64_t>(static_cast<std::uint64_t>(slot) * kTimerSlotMs + ms)};
}

template <class Key>
struct TimerOp {
  Key key;
  std::uint64_t hash;
  std::uint32_t order;  ///< among the ops of a slot; set by keep_last_ops
  std::uint16_t ms;     ///< within the slot
  bool deleted;
};

/// Which timers of all that was done are kept.
enum class KeepTimers {
  kLive,
  kDeletedToo,  ///< where a file may hold one that was deleted
};

/// Leaves of all that was done what was done last to each timer, by (time, key).
template <class Key>
void keep_last_ops(std::vector<TimerOp<Key>>& ops, KeepTimers keep) {
  using Op = TimerOp<Key>;
  std::uint32_t order = 0;
  for (Op& op : ops) op.order = order++;
  std::sort(ops.begin(), ops.end(),
            [](const Op& a, const Op& b) { return std::tie(a.ms, a.key, a.order) < std::tie(b.ms, b.key, b.order); });
  std::size_t live = 0;
  for (std::size_t i = 0; i < ops.size(); ++i) {
    const bool is_last_word = i + 1 == ops.size() || ops[i + 1].ms != ops[i].ms || ops[i + 1].key != ops[i].key;
    if (!is_last_word || (ops[i].deleted && keep == KeepTimers::kLive)) continue;
    if (live != i) ops[live] = std::move(ops[i]);
    ++live;
  }
  ops.erase(ops.begin() + static_cast<std::ptrdiff_t>(live), ops.end());
}

/// What a key takes outside of itself, about.
inline std::size_t outside_bytes(const std::string& key) {
  constexpr std::size_t kBeside = 16;  // of the allocation's own
  const auto* self = reinterpret_cast<const char*>(&key);
  const bool is_inside = std::less_equal<>{}(self, key.data()) && std::less<>{}(key.data(), self + sizeof key);
  return is_inside ? 0 : key.capacity() + kBeside;
}
constexpr std::size_t outside_bytes(std::uint64_t) { return 0; }
template <std::size_t Size>
constexpr std::size_t outside_bytes(const FixedKey<Size>&) {
  return 0;
}

/// What the slots of a queue have in common.
struct TimerSlots {
  std::size_t bytes = 0;  ///< that all of them hold
  KeepTimers keep = KeepTimers::kLive;
};

template <class Key>
class TimerSlot {
 public:
  using Op = TimerOp<Key>;
  using Ops = std::vector<Op>;

  /// A chunk as long as it was when it was shared.
  struct SharedPart {
    std::shared_ptr<const Ops> chunk;
    const Op* begin;
    const Op* end;
  };

  void append(std::uint16_t ms, std::uint64_t hash, TimerKeyView<Key> key, bool deleted, TimerSlots& all) {
    if (chunks_.empty() || chunks_.back().ops->size() == chunks_.back().ops->capacity()) add_chunk(all);
    const Op& op = chunks_.back().ops->emplace_back(Op{Key{key}, hash, 0, ms, deleted});
    count_bytes(outside_bytes(op.key), all);
    if (++count_ == compact_at_) compact(all);
  }

  std::size_t bytes() const { return bytes_; }

  /// What was done last to each timer, by (time, key), and the slot is empty after.
  Ops take(TimerSlots& all) {
    Ops ops;
    ops.reserve(count_);
    for (Chunk& chunk : chunks_) {
      if (chunk.shared) {
        ops.insert(ops.end(), chunk.ops->begin(), chunk.ops->end());
      } else {
        ops.insert(ops.end(), std::make_move_iterator(chunk.ops->begin()), std::make_move_iterator(chunk.ops->end()));
      }
    }
    chunks_.clear();
    count_ = 0;
    all.bytes -= std::exchange(bytes_, 0);
    keep_last_ops(ops, all.keep);
    return ops;
  }

  /// Calls f(SharedPart) for each chunk, oldest first; valid until the slot changes.
  template <class F>
  void look(F&& f) const {
    for (const Chunk& chunk : chunks_) {
      const Op* begin = chunk.ops->data();
      f(SharedPart{chunk.ops, begin, begin + chunk.ops->size()});
    }
  }
  /// What look() gives stays as it is from now on.
  void share() {
    for (Chunk& chunk : chunks_) chunk.shared = true;
  }

 private:
  static constexpr std::size_t kSmallestChunk = 4;
  static constexpr std::size_t kLargestChunk = 2048;
  static constexpr std::size_t kFirstCompaction = 256;
  static constexpr std::size_t kChunkBytes = 80;  // of a chunk without ops, about

  struct Chunk {
    std::shared_ptr<Ops> ops;  // its capacity is never exceeded, so that its memory stays where it is
    bool shared = false;       // with a snapshot at some time: what stands in it is not to be changed
  };

  void count_bytes(std::size_t more, TimerSlots& all) {
    bytes_ += more;
    all.bytes += more;
  }
  void add_chunk(TimerSlots& all) {
    auto ops = std::make_shared<Ops>();
    ops->reserve(std::clamp(count_, kSmallestChunk, kLargestChunk));
    count_bytes(kChunkBytes + ops->capacity() * sizeof(Op), all);
    chunks_.push_back({std::move(ops)});
  }

  // Where much was dead it will be so again: look at twice the living. Else look seldom, as looking means sorting.
  void compact(TimerSlots& all) {
    const std::size_t before = count_;
    Ops ops = take(all);
    if (ops.size() * 2 < before) ops.shrink_to_fit();
    count_ = ops.size();
    compact_at_ = count_ * 2 < before ? std::max(kFirstCompaction, 2 * count_) : 8 * before;
    count_bytes(kChunkBytes + ops.capacity() * sizeof(Op), all);
    for (const Op& op : ops) count_bytes(outside_bytes(op.key), all);
    chunks_.push_back({std::make_shared<Ops>(std::move(ops))});
  }

  std::vector<Chunk> chunks_;
  std::size_t count_ = 0;
  std::size_t bytes_ = 0;
  std::size_t compact_at_ = kFirstCompaction;
};

}  // namespace tidemark::detail
