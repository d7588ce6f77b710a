#include "state/resident_limit.h"

#include <gtest/gtest.h>

namespace tidemark {
namespace {

constexpr std::uint64_t kMiB = 1u << 20;

TEST(ResidentLimit, NobodyGoesAsLongAsAllFit) {
  ResidentLimit limit{4 * kMiB};
  EXPECT_EQ(limit.keys_to_evict(100 * kMiB, 50 * kMiB, 40 * kMiB, 1'000'000), 0u);
}

TEST(ResidentLimit, EveryoneGoesWhereEmptyTablesAreTheShare) {
  ResidentLimit limit{4 * kMiB};
  EXPECT_EQ(limit.keys_to_evict(4 * kMiB, 4 * kMiB, 0, 500), 500u);
}

// Pages hardly ever come back: it is their number of keys that is kept from then on.
TEST(ResidentLimit, PagesBoundTheNumberOfKeys) {
  ResidentLimit limit{4 * kMiB};
  const std::size_t first = limit.keys_to_evict(100 * kMiB, 102 * kMiB, 0, 1'000'000);
  EXPECT_GT(first, 19'000u);
  EXPECT_LT(first, 50'000u);
  EXPECT_EQ(limit.keys_to_evict(100 * kMiB, 102 * kMiB, 0, 1'000'000 - first), 0u);
  EXPECT_EQ(limit.keys_to_evict(100 * kMiB, 102 * kMiB, 0, 980'000), 0u);
  EXPECT_GT(limit.keys_to_evict(100 * kMiB, 102 * kMiB, 0, 990'000), 9'000u);
}

// As if something else took them, as what waits for a snapshot does: with each page more a bit fewer keys stay, and not a part of a
// part.
TEST(ResidentLimit, PagesThatRiseWithoutKeysTakeTheirPartOnce) {
  ResidentLimit limit{4 * kMiB};
  std::size_t keys = 500'000;
  for (std::uint64_t pages = 100; pages <= 150; ++pages) {
    keys += 1000;  // of the next batch
    keys -= limit.keys_to_evict(100 * kMiB, pages * kMiB, 0, keys);
  }
  EXPECT_GT(keys, 320'000u);
  EXPECT_LT(keys, 340'000u);
}

TEST(ResidentLimit, AsManyKeysStayAsBeforeWhenABurstIsOver) {
  ResidentLimit limit{4 * kMiB};
  EXPECT_EQ(limit.keys_to_evict(100 * kMiB, 100 * kMiB, 0, 500'000), 0u);
  EXPECT_GT(limit.keys_to_evict(100 * kMiB, 200 * kMiB, 0, 500'000), 240'000u);
  EXPECT_EQ(limit.keys_to_evict(100 * kMiB, 100 * kMiB, 0, 260'000), 0u);
  EXPECT_EQ(limit.keys_to_evict(100 * kMiB, 100 * kMiB, 0, 500'000), 0u);
}

// As when tables of short texts are given little: each of their sizes has pages of its own.
TEST(ResidentLimit, WhatAFewBatchesUseStaysWhateverPagesHold) {
  ResidentLimit limit{4 * kMiB};
  EXPECT_EQ(limit.keys_to_evict(5 * kMiB, 500 * kMiB, 0, ResidentLimit::kLeastKeys), 0u);
  EXPECT_GT(limit.keys_to_evict(5 * kMiB, 500 * kMiB, 0, ResidentLimit::kLeastKeys + 10), 0u);
  EXPECT_GT(limit.keys_to_evict(5 * kMiB, 5 * kMiB, 100 * kMiB, 10), 8u);
}

TEST(ResidentLimit, WhatKeysHoldOutsideComesBackWithThem) {
  ResidentLimit limit{4 * kMiB};
  const std::size_t gone = limit.keys_to_evict(100 * kMiB, 10 * kMiB, 180 * kMiB, 1000);
  EXPECT_GE(gone, 500u);
  EXPECT_LT(gone, 520u);
  EXPECT_EQ(limit.keys_to_evict(100 * kMiB, 10 * kMiB, 85 * kMiB, 1000 - gone), 0u);
  EXPECT_EQ(limit.keys_to_evict(100 * kMiB, 10 * kMiB, 80 * kMiB, 1000), 0u);
}

TEST(ResidentLimit, NeverMoreGoThanThereAre) {
  ResidentLimit limit{4 * kMiB};
  for (std::uint64_t owned = 0; owned < 1000 * kMiB; owned += 37 * kMiB) {
    EXPECT_LE(limit.keys_to_evict(100 * kMiB, 300 * kMiB, owned, 10), 10u);
  }
  EXPECT_EQ(limit.keys_to_evict(100 * kMiB, 300 * kMiB, 0, 0), 0u);
}

}  // namespace
}  // namespace tidemark
