#include "tidemark/detail/state/hash_part.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace tidemark::detail {
namespace {

constexpr std::uint64_t kLast = std::numeric_limits<std::uint64_t>::max();

std::vector<std::uint64_t> numbers_of(HashParts parts) {
  std::vector<std::uint64_t> numbers;
  for (; !parts.done(); parts.advance()) numbers.push_back(parts.next().number);
  return numbers;
}

TEST(HashPart, HoldsTheHashesThatBeginWithItsBits) {
  const HashPart part{3, 5};
  EXPECT_EQ(part.first(), std::uint64_t{5} << 61);
  EXPECT_TRUE(part.holds(part.first()));
  EXPECT_FALSE(part.holds(part.first() - 1));
  EXPECT_TRUE(part.holds((std::uint64_t{6} << 61) - 1));
  EXPECT_FALSE(part.holds(std::uint64_t{6} << 61));
  EXPECT_TRUE(HashPart{}.holds(0));
  EXPECT_TRUE(HashPart{}.holds(kLast));
}

TEST(HashParts, OfASpanAreThoseThatItLiesIn) {
  EXPECT_EQ(numbers_of({HashSpan{0, kLast}, 0}), (std::vector<std::uint64_t>{0}));
  EXPECT_EQ(numbers_of({HashSpan{0, kLast}, 2}), (std::vector<std::uint64_t>{0, 1, 2, 3}));
  EXPECT_EQ(numbers_of({HashSpan{kLast / 3, kLast / 3 * 2}, 3}), (std::vector<std::uint64_t>{2, 3, 4, 5}));
  EXPECT_EQ(numbers_of({HashSpan{7, 7}, 40}), (std::vector<std::uint64_t>{0}));
  EXPECT_EQ(numbers_of({HashSpan{}, 2}), (std::vector<std::uint64_t>{}));
  EXPECT_TRUE(HashParts{}.done());
}

TEST(HashParts, OfAPartAreItsOwn) {
  EXPECT_EQ(numbers_of({HashPart{2, 3}, 4}), (std::vector<std::uint64_t>{12, 13, 14, 15}));
  EXPECT_EQ(numbers_of({HashPart{2, 3}, 1}), (std::vector<std::uint64_t>{3}));
}

TEST(HashSpan, TakesAsManyBitsAsItsPartsNeed) {
  EXPECT_EQ((HashSpan{0, kLast}).bits_for(1), 0u);
  EXPECT_EQ((HashSpan{0, kLast}).bits_for(1000), 10u);
  EXPECT_EQ((HashSpan{0, kLast / 128}).bits_for(1000), 17u);
  EXPECT_EQ((HashSpan{7, 7}).bits_for(1), 0u);
  EXPECT_LT((HashSpan{7, 7}).bits_for(2), 64u) << "there are none so small";
  EXPECT_EQ(HashSpan{}.bits_for(2), 0u);
  HashSpan span;
  span.add({5, 9});
  span.add({7, 12});
  span.add({});
  EXPECT_EQ(span.first, 5u);
  EXPECT_EQ(span.last, 12u);
}

}  // namespace
}  // namespace tidemark::detail
