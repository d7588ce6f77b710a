#include "tidemark/detail/operators/key_walk.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <set>
#include <string>

namespace tidemark::detail {
namespace {

constexpr HashSpan kAllHashes{0, std::numeric_limits<std::uint64_t>::max()};

std::uint64_t word_of(std::int64_t key) { return KeyCodec<std::int64_t>::to_word(key); }
std::uint64_t hash_of(std::int64_t key) { return hash_word<std::int64_t>(word_of(key)); }

// As where keys leave for a store between two calls, so that others come to lie where the walk has been.
TEST(KeyWalk, ComesToEachKeyOnceThoughSegmentsAreMergedMeanwhile) {
  for (const std::int64_t keys : {0, 100, 6'200, 10'000, 12'500}) {
    for (const std::int64_t erased_of_ten : {0, 4, 8}) {
      SCOPED_TRACE(std::to_string(keys) + " keys, " + std::to_string(erased_of_ten) + " of ten erased");
      CowDomain domain;
      StateTable<std::int64_t, std::string> table{domain};
      std::set<std::uint64_t> left;
      for (std::int64_t key = 0; key < keys; ++key) table.insert(hash_of(key), word_of(key), std::to_string(key));
      for (std::int64_t key = 0; key < keys; ++key) {
        if (key % 10 < erased_of_ten) {
          table.erase(table.find(hash_of(key), word_of(key)));
        } else {
          left.insert(word_of(key));
        }
      }
      KeyWalk<std::int64_t, std::string> walk{table, nullptr};
      bool more = true;
      while (more) {
        int called = 0;
        more = !walk.next([&](std::uint64_t hash, std::uint64_t key) {
          EXPECT_EQ(left.erase(key), 1u);
          table.erase(table.find(hash, key));
          return ++called < 256;
        });
        table.merge_thin(kAllHashes);
      }
      EXPECT_TRUE(left.empty());
      EXPECT_EQ(table.size(), 0u);
    }
  }
}

}  // namespace
}  // namespace tidemark::detail
