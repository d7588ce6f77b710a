// What the tables of one backend share so that a snapshot can be read while they are written: the epoch, the side log of
// overwritten entries, and what may only be freed when no snapshot can see it any more.
//
// A snapshot has a bound: the epoch that ended when it began. Content of an epoch up to the bound is the snapshot's. The
// writer logs a unit (a line or a slot) before its first change in a new epoch, if a running snapshot needs the old
// content. A logged unit was valid from its own epoch until (before) the epoch of the change: snapshot s takes the log
// entries with from <= s < until.
//
// Threads: one writer calls everything here but at(), which a snapshotter may call with a reference that it has loaded
// from a segment. begin() and end() are the writer's, too: a finished snapshotter tells it by mail.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <vector>

#include "tidemark/detail/state/page_pool.h"

namespace tidemark::detail {

/// A place in the side log; 0 is none. Its upper half is the epoch until which the entry was valid.
using LogRef = std::uint64_t;
constexpr std::uint32_t log_until(LogRef ref) { return static_cast<std::uint32_t>(ref >> 32); }

struct LogEntry {
  LogRef next;          ///< the entry before this one in its chain
  std::uint32_t state;  ///< the unit's state word as it was
  std::uint32_t unit;   ///< which unit of the segment
  std::uint64_t words[1];  ///< the unit's content; as many as the layout has
};

class CowDomain {
 public:
  CowDomain() : CowDomain{PagePool::kPageBytes} {}
  /// Of smaller pages, for tables of which no snapshot is taken.
  explicit CowDomain(std::size_t page_bytes);
  CowDomain(const CowDomain&) = delete;
  CowDomain& operator=(const CowDomain&) = delete;
  ~CowDomain();

  std::uint32_t epoch() const { return epoch_; }
  PagePool& pages() { return pages_; }
  const PagePool& pages() const { return pages_; }
  /// The blocks of one size, shared by all tables: retired ones may outlive their table.
  BlockPool& blocks(std::size_t block_bytes);
  /// Of all pools, in blocks that came back.
  std::size_t free_block_bytes() const;

  /// True if a running snapshot contains what was written in `epoch`.
  bool needed(std::uint32_t epoch) const { return epoch <= newest_active_; }
  bool any_active() const { return newest_active_ != 0; }

  /// Tables remember what changed and was erased, for snapshots of no more than that. Before their first entry.
  void remember_changes() { remembers_changes_ = true; }
  bool remembers_changes() const { return remembers_changes_; }
  /// No snapshot will ask for what changed since an epoch before this one.
  std::uint32_t changes_needed_since() const { return changes_needed_since_; }
  void set_changes_needed_since(std::uint32_t epoch) { changes_needed_since_ = epoch; }

  /// Starts a snapshot and the next epoch; returns the snapshot's bound.
  std::uint32_t begin();
  /// Nobody reads the snapshot any more: frees what was kept for it alone.
  void end(std::uint32_t bound);

  /// Room for an entry of `words` words. The caller fills it and then publishes `ref`.
  struct Appended {
    LogEntry* entry;
    LogRef ref;
  };
  Appended append(std::size_t words) {
    const std::size_t size = kHeaderWords + words;
    if (static_cast<std::size_t>(log_end_ - log_at_) < size) [[unlikely]] next_chunk();
    auto* entry = reinterpret_cast<LogEntry*>(log_at_);
    const auto offset = static_cast<std::uint64_t>(log_at_ - log_begin_);
    log_at_ += size;
    return {entry, (std::uint64_t{epoch_} << 32) | (chunk_index_ * kChunkWords + offset)};
  }
  const LogEntry& at(LogRef ref) const {
    const auto place = static_cast<std::uint32_t>(ref);
    const std::uint64_t* chunk = chunks_[place / kChunkWords].load(std::memory_order_acquire);
    return *reinterpret_cast<const LogEntry*>(chunk + place % kChunkWords);
  }

  /// Gives back an object of so many bytes, which came in the epoch `born` or later.
  using Free = void (*)(void* object, std::size_t bytes, void* context);
  /// Calls free() once no running snapshot can see the object; at once if none does. So where objects come and go while a
  /// snapshot runs, no more of them wait than there were when it began; but for keys that change under a second one, which
  /// wait for the first, too.
  void retire(void* object, std::uint32_t born, std::size_t bytes, Free free, void* context) {
    if (!needed(born)) [[likely]] return free(object, bytes, context);
    retired_[newest_active_].push_back({born, object, bytes, free, context});
    waiting_bytes_ += bytes;
  }
  /// Of what was retired and is not free yet.
  std::size_t waiting_bytes() const { return waiting_bytes_; }

  /// Room for a key or a value that doesn't fit into its slot, aligned as an array of objects of this size up to 64: in a pool,
  /// where it is taken and given back in a few instructions and lies beside what came before it. An allocator's header and
  /// rounding would take half as much again.
  void* take_block(std::size_t size) {
    entry_bytes_ += size;
    BlockPool* pool = size <= kLargestPooled ? small_pools_[(size - 1) / kBlockAlignment].get() : nullptr;
    return pool != nullptr ? pool->take() : take_first_block(size);
  }
  /// retire() of what take_block() gave for that size.
  void retire_block(void* block, std::uint32_t born, std::size_t size) {
    entry_bytes_ -= size;
    const auto free = [](void* object, std::size_t bytes, void* self) { static_cast<CowDomain*>(self)->free_block(object, bytes); };
    retire(block, born, size, free, this);
  }
  /// Of a value that was retired with retire_value().
  void free_block(void* block, std::size_t size) {
    BlockPool* pool = size <= kLargestPooled ? small_pools_[(size - 1) / kBlockAlignment].get() : nullptr;
    if (pool != nullptr) return pool->give_back(block);
    free_unpooled(block, size);
  }

  /// The value of a live entry took (or gave back) so much memory outside of the tables and of its block.
  void count_value(std::size_t taken, std::size_t given_back = 0) {
    count_owned(taken, given_back);
    entry_bytes_ += taken - given_back;
  }
  /// retire() of a block with what was counted so; free() takes that from count_owned(), and gives the block to free_block().
  void retire_value(void* value, std::uint32_t born, std::size_t bytes, Free free, void* context) {
    entry_bytes_ -= bytes;
    retire(value, born, bytes, free, context);
  }
  /// All tables go, and this after them: what lies in its pages alone need not be given back.
  void let_go() { is_going_ = true; }
  bool is_going() const { return is_going_; }

  /// What keys and values of live entries hold outside of the tables, in pools or not.
  std::size_t entry_bytes() const { return entry_bytes_; }

  /// So much memory was taken (or given back) outside of pages: about, and as long as snapshots need it.
  void count_owned(std::size_t taken, std::size_t given_back = 0) { owned_bytes_ += taken - given_back; }
  std::size_t owned_bytes() const { return owned_bytes_; }

  /// Bytes that wait in the side log for running snapshots.
  std::size_t log_bytes() const;

 private:
  static constexpr std::size_t kHeaderWords = 2;
  static constexpr std::size_t kChunkWords = PagePool::kPageBytes / sizeof(std::uint64_t);
  static constexpr std::size_t kMaxChunks = 4096;  // 8 GiB of log
  static constexpr std::size_t kLargestPooled = 256;
  static constexpr std::size_t kBlockAlignment = 8;
  static constexpr std::size_t kSmallPoolRun = std::size_t{64} << 10;
  static constexpr std::uint32_t kLastEpoch = (1u << 27) - 1;  // what fits beside the flags in every layout's state word

  struct Retired {
    std::uint32_t born;
    void* object;
    std::size_t bytes;
    Free free;
    void* context;
  };
  struct UsedChunk {
    std::uint32_t epoch;
    std::size_t index;
  };

  void* take_first_block(std::size_t size);
  void free_unpooled(void* block, std::size_t size);
  void next_chunk();
  void free_chunks_unneeded();
  void free(const Retired& object);

  PagePool pages_;
  std::vector<std::unique_ptr<BlockPool>> block_pools_;
  std::array<std::unique_ptr<BlockPool>, kLargestPooled / kBlockAlignment> small_pools_;  // by size
  std::uint32_t epoch_ = 1;
  std::uint32_t newest_active_ = 0;
  bool remembers_changes_ = false;
  bool is_going_ = false;
  std::uint32_t changes_needed_since_ = 0;
  std::vector<std::uint32_t> active_;  // bounds, ascending

  std::uint64_t* log_begin_ = nullptr;
  std::uint64_t* log_at_ = nullptr;
  std::uint64_t* log_end_ = nullptr;
  std::size_t chunk_index_ = 0;
  std::unique_ptr<std::atomic<std::uint64_t*>[]> chunks_;
  std::size_t chunks_made_ = 1;  // 0 stays unused: a LogRef of 0 is none
  std::vector<std::size_t> free_chunks_;
  std::deque<UsedChunk> used_chunks_;  // in the order of their epochs
  // By the bound of the newest snapshot that sees it; others may, from its birth on.
  std::map<std::uint32_t, std::vector<Retired>> retired_;
  std::size_t waiting_bytes_ = 0;
  std::size_t owned_bytes_ = 0;
  std::size_t entry_bytes_ = 0;
};

}  // namespace tidemark::detail
