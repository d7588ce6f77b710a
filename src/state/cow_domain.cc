#include "tidemark/detail/state/cow_domain.h"

#include <algorithm>
#include <cstddef>
#include <new>

#include "tidemark/detail/base/check.h"
#include "tidemark/detail/base/planted_bug.h"
#include "tidemark/detail/state/owned_bytes.h"
#include "tidemark/error.h"

namespace tidemark::detail {
namespace {

// Under the address sanitizer each block is the allocator's, so that it sees who reads one that was freed.
#ifdef __SANITIZE_ADDRESS__
constexpr bool kPoolBlocks = false;
#else
constexpr bool kPoolBlocks = true;
#endif

std::align_val_t alignment_of(std::size_t size) {
  return std::align_val_t{std::clamp<std::size_t>(size & (~size + 1), alignof(std::max_align_t), 64)};
}

}  // namespace

CowDomain::CowDomain(std::size_t page_bytes)
    : pages_{page_bytes}, chunks_{new std::atomic<std::uint64_t*>[kMaxChunks]} {}

CowDomain::~CowDomain() {
  // Whoever destroys it has made sure that no snapshot is being read any more.
  for (const auto& [bound, objects] : retired_) {
    for (const Retired& object : objects) free(object);
  }
}

BlockPool& CowDomain::blocks(std::size_t block_bytes) {
  for (auto& pool : block_pools_) {
    if (pool->asked_bytes() == block_bytes) return *pool;
  }
  return *block_pools_.emplace_back(std::make_unique<BlockPool>(pages_, block_bytes));
}

std::size_t CowDomain::free_block_bytes() const {
  std::size_t bytes = 0;
  for (const auto& pool : block_pools_) bytes += pool->free_bytes();
  for (const auto& pool : small_pools_) bytes += pool == nullptr ? 0 : pool->free_bytes();
  return bytes;
}

void* CowDomain::take_first_block(std::size_t size) {
  if (!kPoolBlocks || size > kLargestPooled) {
    count_owned(block_bytes(size));
    return ::operator new(size, alignment_of(size));
  }
  const std::size_t index = (size - 1) / kBlockAlignment;
  small_pools_[index] = std::make_unique<BlockPool>(blocks(kSmallPoolRun), (index + 1) * kBlockAlignment, kBlockAlignment);
  return small_pools_[index]->take();
}

void CowDomain::free_unpooled(void* block, std::size_t size) {
  count_owned(0, block_bytes(size));
  ::operator delete(block, alignment_of(size));
}

std::uint32_t CowDomain::begin() {
  TIDEMARK_CHECK(pages_.page_bytes() == PagePool::kPageBytes, "the side log is in pages of that size");
  if (epoch_ == kLastEpoch) {
    throw Error{ErrorCode::kResourceExhausted, ErrorDomain::kInternal, Retry::kRestart,
                "this task has taken 134 million snapshots, and its tables can't count further: restart the job from "
                "its last one"};
  }
  const std::uint32_t bound = planted(PlantedBug::kReuseEpoch) ? epoch_ : epoch_++;
  active_.push_back(bound);
  newest_active_ = bound;
  log_at_ = log_end_;  // a chunk holds entries of one epoch, so that it can be freed with it
  return bound;
}

void CowDomain::end(std::uint32_t bound) {
  const auto found = std::find(active_.begin(), active_.end(), bound);
  TIDEMARK_CHECK(found != active_.end(), "a snapshot ends once");
  active_.erase(found);
  newest_active_ = active_.empty() ? 0 : active_.back();
  free_chunks_unneeded();
  // Each object goes on to the next older snapshot that sees it, so it is moved at most once for each of them.
  const auto older = std::ranges::upper_bound(active_, bound);
  const std::uint32_t next = older == active_.begin() ? 0 : *(older - 1);
  const auto node = retired_.extract(bound);
  if (node.empty()) return;
  for (const Retired& object : node.mapped()) {
    if (next != 0 && object.born <= next) {
      retired_[next].push_back(object);
    } else {
      free(object);
    }
  }
}

void CowDomain::next_chunk() {
  if (free_chunks_.empty()) {
    if (chunks_made_ == kMaxChunks) {
      throw Error{ErrorCode::kResourceExhausted,
                  "the side log of running snapshots holds 8 GiB: let checkpoints finish sooner "
                  "or lower execution.checkpointing.max-concurrent-checkpoints"};
    }
    free_chunks_.push_back(chunks_made_++);
  }
  auto* page = reinterpret_cast<std::uint64_t*>(pages_.take());
  chunk_index_ = free_chunks_.back();
  free_chunks_.pop_back();
  chunks_[chunk_index_].store(page, std::memory_order_release);
  used_chunks_.push_back({epoch_, chunk_index_});
  log_begin_ = log_at_ = page;
  log_end_ = page + kChunkWords;
}

void CowDomain::free_chunks_unneeded() {
  // What was replaced in an epoch was content of snapshots with a lower bound only.
  while (!used_chunks_.empty() && (active_.empty() || used_chunks_.front().epoch <= active_.front())) {
    const std::size_t index = used_chunks_.front().index;
    std::uint64_t* page = chunks_[index].load(std::memory_order_relaxed);
    if (page == log_begin_) log_begin_ = log_at_ = log_end_ = nullptr;
    pages_.give_back(reinterpret_cast<std::byte*>(page));
    free_chunks_.push_back(index);
    used_chunks_.pop_front();
  }
}

void CowDomain::free(const Retired& object) {
  waiting_bytes_ -= object.bytes;
  object.free(object.object, object.bytes, object.context);
}

std::size_t CowDomain::log_bytes() const { return used_chunks_.size() * PagePool::kPageBytes; }

}  // namespace tidemark::detail
