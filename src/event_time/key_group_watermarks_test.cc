#include "tidemark/detail/event_time/key_group_watermarks.h"

#include <gtest/gtest.h>

namespace tidemark::detail {
namespace {

constexpr Timestamp at(std::int64_t ms) { return Timestamp{ms}; }
using Ranges = std::vector<KeyGroupWatermark>;

TEST(KeyGroupWatermarks, WithoutARestoreNothingHolds) {
  const KeyGroupWatermarks groups{{10, 20}, {}};
  EXPECT_TRUE(groups.reached_by(Timestamp::min()));
  EXPECT_EQ(groups.floor_for(15), Timestamp::min());
  EXPECT_EQ(groups.at(at(5)), (Ranges{{{10, 20}, at(5)}}));
}

TEST(KeyGroupWatermarks, EachKeyGroupKeepsTheWatermarkOfTheRangeItComesFrom) {
  const Ranges restored{{{0, 14}, at(100)}, {{14, 18}, at(300)}, {{50, 60}, at(900)}};
  const KeyGroupWatermarks groups{{10, 20}, restored};
  EXPECT_EQ(groups.floor_for(10), at(100));
  EXPECT_EQ(groups.floor_for(13), at(100));
  EXPECT_EQ(groups.floor_for(14), at(300));
  EXPECT_EQ(groups.floor_for(19), Timestamp::min());
  EXPECT_EQ(groups.lowest(), Timestamp::min());
  EXPECT_EQ(groups.highest(), at(300));
  EXPECT_FALSE(groups.reached_by(at(299)));
  EXPECT_TRUE(groups.reached_by(at(300)));
}

TEST(KeyGroupWatermarks, ASnapshotBeforeTheFloorsAreReachedKeepsThem) {
  const Ranges restored{{{0, 14}, at(100)}, {{14, 40}, at(300)}};
  const KeyGroupWatermarks groups{{10, 20}, restored};
  EXPECT_EQ(groups.at(Timestamp::min()), (Ranges{{{10, 14}, at(100)}, {{14, 20}, at(300)}}));
  EXPECT_EQ(groups.at(at(200)), (Ranges{{{10, 14}, at(200)}, {{14, 20}, at(300)}}));
  EXPECT_EQ(groups.at(at(300)), (Ranges{{{10, 20}, at(300)}}));
  const KeyGroupWatermarks again{{10, 20}, groups.at(at(200))};
  EXPECT_EQ(again.floor_for(13), at(200));
}

TEST(KeyGroupWatermarks, OneRangeForAllIsHeldWithoutATable) {
  const Ranges restored{{{0, 4096}, at(100)}};
  const KeyGroupWatermarks groups{{10, 20}, restored};
  EXPECT_EQ(groups.floor_for(12), at(100));
  EXPECT_EQ(groups.lowest(), at(100));
  EXPECT_EQ(groups.at(at(50)), (Ranges{{{10, 20}, at(100)}}));
  EXPECT_TRUE(KeyGroupWatermarks({5, 5}, restored).at(at(1)).empty());
}

}  // namespace
}  // namespace tidemark::detail
