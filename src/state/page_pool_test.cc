#include "tidemark/detail/state/page_pool.h"

#include <gtest/gtest.h>

#include <cstring>
#include <set>

namespace tidemark::detail {
namespace {

TEST(PagePool, PagesAreAlignedToTheirSizeAndWritable) {
  PagePool pool;
  for (int i = 0; i < 3; ++i) {
    std::byte* page = pool.take();
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(page) % PagePool::kPageBytes, 0u);
    std::memset(page, 0xff, PagePool::kPageBytes);
  }
  EXPECT_EQ(pool.mapped_bytes(), 3 * PagePool::kPageBytes);
}

TEST(PagePool, AReturnedPageIsTakenAgain) {
  PagePool pool;
  std::byte* page = pool.take();
  EXPECT_EQ(pool.used_bytes(), PagePool::kPageBytes);
  pool.give_back(page);
  EXPECT_EQ(pool.used_bytes(), 0u);
  EXPECT_EQ(pool.take(), page);
  EXPECT_EQ(pool.mapped_bytes(), PagePool::kPageBytes);
}

TEST(PagePool, OfSmallPagesMapsNoMoreThanThose) {
  PagePool pool{PagePool::kSmallPageBytes};
  std::byte* page = pool.take();
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(page) % PagePool::kSmallPageBytes, 0u);
  std::memset(page, 0xff, PagePool::kSmallPageBytes);
  EXPECT_EQ(pool.mapped_bytes(), PagePool::kSmallPageBytes);
  BlockPool blocks{pool, PagePool::kSmallPageBytes / 2};
  for (int i = 0; i < 2; ++i) std::memset(blocks.take(), 0xff, PagePool::kSmallPageBytes / 2);
  EXPECT_EQ(pool.used_bytes(), 2 * PagePool::kSmallPageBytes);
}

TEST(BlockPool, BlocksOfAPageAreDisjointAndOnCacheLines) {
  constexpr std::size_t kAsked = 1000;
  PagePool pages;
  BlockPool pool{pages, kAsked};
  std::set<std::uintptr_t> starts;
  for (int i = 0; i < 2100; ++i) starts.insert(reinterpret_cast<std::uintptr_t>(pool.take()));
  ASSERT_EQ(starts.size(), 2100u);
  std::uintptr_t end = 0;
  for (const std::uintptr_t start : starts) {
    EXPECT_EQ(start % 64, 0u);
    EXPECT_GE(start, end);
    end = start + kAsked;
  }
  EXPECT_EQ(pages.mapped_bytes(), 2 * PagePool::kPageBytes);
}

TEST(BlockPool, OutOfBlocksOfAnotherOnesTakesAPageTogetherWithOthers) {
  PagePool pages;
  BlockPool larger{pages, 4096};
  BlockPool small{larger, 24, 8}, smaller{larger, 16, 8};
  std::set<std::uintptr_t> starts;
  for (int i = 0; i < 500; ++i) {
    for (BlockPool* pool : {&small, &smaller}) {
      void* block = pool->take();
      std::memset(block, 0xff, pool == &small ? 24 : 16);
      starts.insert(reinterpret_cast<std::uintptr_t>(block));
    }
  }
  EXPECT_EQ(starts.size(), 1000u);
  EXPECT_EQ(pages.mapped_bytes(), PagePool::kPageBytes);
  EXPECT_EQ(*starts.rbegin() / 4096 - *starts.begin() / 4096, 4u);  // of 170 blocks, and of 256
}

TEST(BlockPool, BlocksOfASmallerAlignmentLieCloser) {
  PagePool pages;
  BlockPool pool{pages, 13, 8};
  std::set<std::uintptr_t> starts;
  for (std::size_t i = 0; i < PagePool::kPageBytes / 16; ++i) starts.insert(reinterpret_cast<std::uintptr_t>(pool.take()));
  EXPECT_EQ(*starts.rbegin() - *starts.begin(), PagePool::kPageBytes - 16);
  EXPECT_EQ(pages.mapped_bytes(), PagePool::kPageBytes);
}

}  // namespace
}  // namespace tidemark::detail
