#include "coordinator/slot_pool.h"

#include <gmock/gmock.h>

#include <optional>
#include <vector>

namespace tidemark {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;
using Share = SlotPool::Share;

class SlotPoolTest : public testing::Test {
 protected:
  std::vector<Share> take(std::uint32_t slots) {
    pool_.request(++last_, slots);
    auto grant = pool_.next_grant();
    if (!grant) return {};
    EXPECT_EQ(grant->request, last_);
    return grant->shares;
  }

  SlotPool pool_;
  std::uint64_t last_ = 0;
};

TEST_F(SlotPoolTest, OneTaskManagerIsTakenWhereItHasRoomTheOneWithTheLeast) {
  pool_.add(1, 8);
  pool_.add(2, 4);
  pool_.add(3, 3);
  EXPECT_THAT(take(4), ElementsAre(Share{2, 4}));
  EXPECT_THAT(take(2), ElementsAre(Share{3, 2}));
  EXPECT_EQ(pool_.free_slots(1), 8u);
  EXPECT_EQ(pool_.free_slots(3), 1u);
}

TEST_F(SlotPoolTest, WhoHadSlotsBeforeGetsThemAgainInTheirOrder) {
  pool_.add(1, 4);
  pool_.add(2, 2);
  pool_.add(3, 2);
  pool_.request(10, 4, {{3, 2}, {2, 2}});
  EXPECT_THAT(pool_.next_grant()->shares, ElementsAre(Share{3, 2}, Share{2, 2})) << "though they fit into one";
}

TEST_F(SlotPoolTest, WhatWasLostIsReplacedInItsPlace) {
  pool_.add(2, 1);
  pool_.add(4, 1);
  pool_.add(5, 3);
  pool_.request(10, 4, {{2, 1}, {1, 2}, {4, 1}});
  EXPECT_THAT(pool_.next_grant()->shares, ElementsAre(Share{2, 1}, Share{5, 2}, Share{4, 1}));
  EXPECT_EQ(pool_.free_slots(5), 1u);
}

TEST_F(SlotPoolTest, NeighboursAtOneTaskManagerAreOneShare) {
  pool_.add(2, 3);
  pool_.request(10, 3, {{2, 2}, {1, 1}});
  EXPECT_THAT(pool_.next_grant()->shares, ElementsAre(Share{2, 3}));
}

TEST_F(SlotPoolTest, SlotsThatItHadAreWaitedForUntilOthersWillDo) {
  pool_.add(1, 2);
  pool_.add(2, 2);
  EXPECT_THAT(take(2), ElementsAre(Share{1, 2}));
  pool_.request(10, 2, {{1, 2}});
  EXPECT_FALSE(pool_.next_grant());
  EXPECT_FALSE(pool_.is_short(10)) << "there are enough";
  pool_.give_back({1, 2});
  EXPECT_THAT(pool_.next_grant()->shares, ElementsAre(Share{1, 2}));
  pool_.request(11, 2, {{1, 2}});
  EXPECT_FALSE(pool_.next_grant());
  pool_.take_others(11);
  EXPECT_THAT(pool_.next_grant()->shares, ElementsAre(Share{2, 2}));
}

TEST_F(SlotPoolTest, AsBeforeOrNotThereMustBeEnough) {
  pool_.add(1, 1);
  pool_.add(2, 1);
  pool_.request(10, 3, {{1, 1}, {3, 2}});
  EXPECT_FALSE(pool_.next_grant());
  EXPECT_TRUE(pool_.is_short(10));
  pool_.add(4, 1);
  EXPECT_THAT(pool_.next_grant()->shares, ElementsAre(Share{1, 1}, Share{4, 1}, Share{2, 1}));
  EXPECT_FALSE(pool_.is_short(10));
}

TEST_F(SlotPoolTest, AsFewAreTakenAsCanBe) {
  pool_.add(1, 2);
  pool_.add(2, 5);
  pool_.add(3, 3);
  EXPECT_THAT(take(7), ElementsAre(Share{2, 5}, Share{1, 2}));
  EXPECT_EQ(pool_.free_slots(3), 3u);
}

TEST_F(SlotPoolTest, ARequestThatWaitsIsMetWhenSlotsComeAndTheOldestFirst) {
  pool_.add(1, 2);
  EXPECT_THAT(take(2), ElementsAre(Share{1, 2}));
  pool_.request(10, 2);
  pool_.request(11, 1);
  EXPECT_FALSE(pool_.next_grant());
  pool_.give_back({1, 2});
  EXPECT_EQ(pool_.next_grant()->request, 10u);
  EXPECT_FALSE(pool_.next_grant());
  pool_.add(2, 1);
  EXPECT_EQ(pool_.next_grant()->request, 11u);
}

TEST_F(SlotPoolTest, OneThatIsTooLargeLetsOthersPass) {
  pool_.add(1, 2);
  pool_.request(10, 9);
  pool_.request(11, 2);
  EXPECT_EQ(pool_.next_grant()->request, 11u);
}

TEST_F(SlotPoolTest, WhatIsWithdrawnIsNotMet) {
  pool_.request(10, 1);
  pool_.withdraw(10);
  pool_.add(1, 1);
  EXPECT_FALSE(pool_.next_grant());
  pool_.withdraw(10);
}

TEST_F(SlotPoolTest, ATaskManagerGoesWithItsSlots) {
  pool_.add(1, 2);
  pool_.add(2, 2);
  EXPECT_THAT(take(3), UnorderedElementsAre(Share{1, 1}, Share{2, 2}));
  pool_.remove(2);
  pool_.give_back({2, 2});
  EXPECT_EQ(pool_.free_slots(2), 0u);
  EXPECT_THAT(take(1), ElementsAre(Share{1, 1}));
  EXPECT_THAT(take(1), ElementsAre());
}

TEST_F(SlotPoolTest, AShortageSaysWhatThereIsAndWhatToDo) {
  EXPECT_THAT(pool_.shortage(4).message(), HasSubstr("the job needs 4 slots, and there is no TaskManager: start one with"));
  pool_.add(1, 2);
  pool_.add(2, 1);
  take(2);
  EXPECT_THAT(pool_.shortage(4).message(),
              HasSubstr("the job needs 4 slots, and of 2 TaskManagers 1 of 3 is free: start another `tidemark taskmanager`, or lower the parallelism"));
  EXPECT_EQ(pool_.shortage(4).retry(), Retry::kRestart);
}

}  // namespace
}  // namespace tidemark
