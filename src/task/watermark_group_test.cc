#include "tidemark/detail/task/watermark_group.h"

#include <gtest/gtest.h>

#include <chrono>

namespace tidemark::detail {
namespace {

using namespace std::chrono_literals;
using Membership = WatermarkGroup::Membership;

TEST(WatermarkGroupTest, TheSlowestMemberThatIsNotIdleHoldsTheOthers) {
  const auto group = std::make_shared<WatermarkGroup>(1s, 10ms);
  Membership one{group};
  one.tell(Timestamp{5'000}, false);
  EXPECT_EQ(one.limit(), Timestamp{6'000});
  {
    Membership other{group};
    EXPECT_LT(one.limit(), Timestamp{0}) << "it has read nothing yet";
    other.tell(Timestamp{2'000}, false);
    EXPECT_EQ(one.limit(), Timestamp{3'000});
    EXPECT_EQ(group->lowest(), Timestamp{2'000});
    other.tell(Timestamp{2'000}, true);
    EXPECT_EQ(one.limit(), Timestamp{6'000});
    other.tell(Timestamp{2'000}, false);
  }
  EXPECT_EQ(one.limit(), Timestamp{6'000}) << "it is gone";
  one.tell(Timestamp{5'000}, true);
  EXPECT_EQ(group->lowest(), Timestamp::max()) << "there is nobody to wait for";
}

TEST(WatermarkGroupTest, OtherProcessesHoldItFromTheBeginningAndAreNoneOfItsOwn) {
  const auto group = std::make_shared<WatermarkGroup>(1s, 10ms);
  group->couple();
  const Membership one{group};
  Membership two{group};
  two.tell(Timestamp{4'000}, false);
  EXPECT_LT(one.limit(), Timestamp{0});
  group->hear(Timestamp{3'000});
  EXPECT_LT(one.limit(), Timestamp{0}) << "one has told nothing";
  Membership{group}.tell(Timestamp{9'000}, false);
  EXPECT_EQ(group->lowest(), Timestamp::min());
  group->hear(Timestamp::max());
  EXPECT_LT(two.limit(), Timestamp{0});
}

TEST(WatermarkGroupTest, WhoeverIsSlowestInAnyProcessHoldsAll) {
  const auto group = std::make_shared<WatermarkGroup>(1s, 10ms);
  group->couple();
  Membership one{group};
  one.tell(Timestamp{4'000}, false);
  group->hear(Timestamp{3'000});
  EXPECT_EQ(one.limit(), Timestamp{4'000});
  EXPECT_EQ(group->lowest(), Timestamp{4'000}) << "the others are not told of themselves";
  group->hear(Timestamp{8'000});
  EXPECT_EQ(one.limit(), Timestamp{5'000});
  group->couple();
  EXPECT_LT(one.limit(), Timestamp{0}) << "another attempt begins";
}

}  // namespace
}  // namespace tidemark::detail
