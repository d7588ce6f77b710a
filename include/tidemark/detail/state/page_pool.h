// Memory for state: pages of 2 MiB, aligned to their size and asked to be huge, recycled instead of unmapped.
//
// Random access to tables of many megabytes costs a TLB miss per access on 4 KiB pages (measured: 1.2 to 2 times slower at
// 20 M keys), and a side log that faults in page by page while the task writes stops it at each (13.5 against 10.4 ns a
// record). One owner thread; pages must outlive whoever reads them on another.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

namespace tidemark::detail {

class PagePool {
 public:
  static constexpr std::size_t kPageBytes = std::size_t{2} << 20;
  /// For what takes little in all, which pages that are begun would outweigh.
  static constexpr std::size_t kSmallPageBytes = std::size_t{256} << 10;

  explicit PagePool(std::size_t page_bytes = kPageBytes) : page_bytes_{page_bytes} {}
  PagePool(const PagePool&) = delete;
  PagePool& operator=(const PagePool&) = delete;
  ~PagePool();

  /// A page with every byte already backed by memory; its content is unspecified. Throws Error (kResourceExhausted) when
  /// the operating system has none left.
  std::byte* take();
  void give_back(std::byte* page) { free_.push_back(page); }

  std::size_t page_bytes() const { return page_bytes_; }
  /// Bytes mapped, whether in use or waiting.
  std::size_t mapped_bytes() const { return mapped_.size() * page_bytes_; }
  /// Bytes of pages that were taken and not given back.
  std::size_t used_bytes() const { return (mapped_.size() - free_.size()) * page_bytes_; }

 private:
  const std::size_t page_bytes_;
  std::vector<std::byte*> mapped_;
  std::vector<std::byte*> free_;
};

/// Cuts pages into blocks of one size: a table's segments, its longer keys and wider values.
class BlockPool {
 public:
  /// `alignment` is a power of two; blocks are as large as asked for, rounded up to it.
  BlockPool(PagePool& pages, std::size_t block_bytes, std::size_t alignment = 64);
  /// Likewise out of blocks of another pool, so that pools of little do not begin a page each.
  BlockPool(BlockPool& larger, std::size_t block_bytes, std::size_t alignment);

  /// Content unspecified.
  void* take() {
    if (free_ == nullptr) return cut();
    free_bytes_ -= block_bytes_;
    void* block = free_;
    std::memcpy(&free_, block, sizeof free_);
    return block;
  }
  void give_back(void* block) {
    std::memcpy(block, &free_, sizeof free_);
    free_ = block;
    free_bytes_ += block_bytes_;
  }
  /// Of blocks that came back and are not taken again: their pages are for blocks of this size.
  std::size_t free_bytes() const { return free_bytes_; }
  std::size_t asked_bytes() const { return asked_bytes_; }

 private:
  void* cut();
  std::byte* take_run();

  PagePool* pages_ = nullptr;
  BlockPool* larger_ = nullptr;  // one of the two
  std::size_t run_bytes_;        // that they give at once
  std::size_t asked_bytes_;
  std::size_t block_bytes_;
  void* free_ = nullptr;  // the block that came back last; each begins with a pointer to the one before
  std::size_t free_bytes_ = 0;
  std::byte* at_ = nullptr;  // in the newest run: what was never taken
  std::byte* end_ = nullptr;
};

}  // namespace tidemark::detail
