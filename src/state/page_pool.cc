#include "tidemark/detail/state/page_pool.h"

#include <sys/mman.h>

#include <string>

#include "tidemark/detail/base/check.h"
#include "tidemark/error.h"

namespace tidemark::detail {
namespace {

constexpr std::size_t kSmallestPage = 4096;  // of an operating system

}  // namespace

PagePool::~PagePool() {
  for (std::byte* page : mapped_) munmap(page, page_bytes_);
}

std::byte* PagePool::take() {
  if (!free_.empty()) {
    std::byte* page = free_.back();
    free_.pop_back();
    return page;
  }
  // Twice the size, so that an aligned page lies within; the rest goes back.
  void* region = mmap(nullptr, 2 * page_bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (region == MAP_FAILED) {
    throw Error{ErrorCode::kResourceExhausted,
                "no memory for state: the operating system refused another " + std::to_string(page_bytes_ >> 10) +
                    " KiB after " + std::to_string(mapped_bytes() >> 20) + " MiB"};
  }
  const auto start = reinterpret_cast<std::uintptr_t>(region);
  const std::uintptr_t aligned = (start + page_bytes_ - 1) & ~(page_bytes_ - 1);
  if (aligned > start) munmap(region, aligned - start);
  if (aligned < start + page_bytes_) munmap(reinterpret_cast<void*>(aligned + page_bytes_), start + page_bytes_ - aligned);
  auto* page = reinterpret_cast<std::byte*>(aligned);
  madvise(page, page_bytes_, MADV_HUGEPAGE);  // a wish: without huge pages everything works, slower
  for (std::size_t at = 0; at < page_bytes_; at += kSmallestPage) page[at] = std::byte{0};  // the kernel clears the rest
  mapped_.push_back(page);
  return page;
}

BlockPool::BlockPool(PagePool& pages, std::size_t block_bytes, std::size_t alignment)
    : pages_{&pages},
      run_bytes_{pages.page_bytes()},
      asked_bytes_{block_bytes},
      block_bytes_{(block_bytes + alignment - 1) & ~(alignment - 1)} {
  TIDEMARK_CHECK(block_bytes_ >= sizeof(void*) && block_bytes_ <= run_bytes_, "a block holds a pointer and fits into a page");
}

BlockPool::BlockPool(BlockPool& larger, std::size_t block_bytes, std::size_t alignment)
    : larger_{&larger},
      run_bytes_{larger.block_bytes_},
      asked_bytes_{block_bytes},
      block_bytes_{(block_bytes + alignment - 1) & ~(alignment - 1)} {
  TIDEMARK_CHECK(block_bytes_ >= sizeof(void*) && block_bytes_ <= run_bytes_, "a block holds a pointer and fits into a larger one");
}

std::byte* BlockPool::take_run() { return larger_ != nullptr ? static_cast<std::byte*>(larger_->take()) : pages_->take(); }

void* BlockPool::cut() {
  if (static_cast<std::size_t>(end_ - at_) < block_bytes_) {
    at_ = take_run();
    end_ = at_ + run_bytes_;
  }
  void* block = at_;
  at_ += block_bytes_;
  return block;
}

}  // namespace tidemark::detail
