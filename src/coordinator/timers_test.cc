#include "coordinator/timers.h"

#include <gmock/gmock.h>

#include <optional>
#include <string>
#include <vector>

namespace tidemark {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Timers, CallsComeInTheOrderOfTheirTimes) {
  Timers timers;
  std::vector<int> called;
  const auto third = timers.at(30, [&] { called.push_back(3); });
  const auto first = timers.at(10, [&] { called.push_back(1); });
  const auto second = timers.at(10, [&] { called.push_back(2); });
  EXPECT_EQ(timers.next_deadline_ns(), 10);
  EXPECT_FALSE(timers.run(9));
  EXPECT_TRUE(timers.run(10));
  EXPECT_THAT(called, ElementsAre(1, 2));
  EXPECT_EQ(timers.next_deadline_ns(), 30);
  EXPECT_TRUE(timers.run(100));
  EXPECT_THAT(called, ElementsAre(1, 2, 3));
  EXPECT_EQ(timers.next_deadline_ns(), std::nullopt);
}

TEST(Timers, OneThatIsGoneDoesNotCall) {
  Timers timers;
  std::vector<int> called;
  {
    const auto gone = timers.at(10, [&] { called.push_back(1); });
  }
  auto replaced = timers.at(10, [&] { called.push_back(2); });
  replaced = timers.at(20, [&] { called.push_back(3); });
  replaced = {};
  EXPECT_EQ(timers.next_deadline_ns(), std::nullopt);
  EXPECT_FALSE(timers.run(100));
  EXPECT_THAT(called, IsEmpty());
}

TEST(Timers, ACallMayEndItsTimerOrAskForTheNext) {
  Timers timers;
  int called = 0;
  std::optional<Timers::Timer> timer;
  timer = timers.at(10, [&] {
    ++called;
    timer = timers.at(20, [&] {
      ++called;
      timer.reset();
    });
  });
  EXPECT_TRUE(timers.run(10));
  EXPECT_EQ(called, 1);
  EXPECT_TRUE(timers.run(20));
  EXPECT_EQ(called, 2);
  EXPECT_FALSE(timer);
}

}  // namespace
}  // namespace tidemark
