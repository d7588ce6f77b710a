#include "tidemark/detail/state/hash_order.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace tidemark::detail {
namespace {

void expect_sorted(const std::vector<std::uint64_t>& hashes, unsigned shared_bits) {
  HashOrder order;
  for (int again = 0; again < 2; ++again) {
    order.clear();
    for (std::uint32_t i = 0; i < hashes.size(); ++i) order.add(hashes[i], i);
    const std::vector<HashOrder::Place>& sorted = order.sorted(shared_bits);
    ASSERT_EQ(sorted.size(), hashes.size());
    std::vector<bool> seen(hashes.size());
    for (std::size_t i = 0; i < sorted.size(); ++i) {
      EXPECT_EQ(sorted[i].hash, hashes[sorted[i].index]);
      EXPECT_FALSE(seen[sorted[i].index]);
      seen[sorted[i].index] = true;
      if (i > 0) EXPECT_LE(sorted[i - 1].hash, sorted[i].hash);
    }
  }
}

TEST(HashOrder, EvenHashesOfASegmentComeInTheirOrder) {
  std::mt19937_64 random{1};
  for (const unsigned shared_bits : {0u, 1u, 9u, 40u}) {
    const std::uint64_t shared = shared_bits == 0 ? 0 : random() << (64 - shared_bits);
    for (const std::size_t count : {0, 1, 2, 1638, 2048, 5000}) {
      std::vector<std::uint64_t> hashes(count);
      for (std::uint64_t& hash : hashes) hash = shared | random() >> shared_bits;
      expect_sorted(hashes, shared_bits);
    }
  }
}

TEST(HashOrder, HashesThatShareMoreBitsAreSortedAllTheSame) {
  std::mt19937_64 random{2};
  std::vector<std::uint64_t> hashes(2048);
  for (std::uint64_t& hash : hashes) hash = 0xabcull << 52 | random() % 1000;
  expect_sorted(hashes, 1);
  std::ranges::sort(hashes, std::greater{});
  expect_sorted(hashes, 12);
}

}  // namespace
}  // namespace tidemark::detail
