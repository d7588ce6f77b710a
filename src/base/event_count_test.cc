#include "base/event_count.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "tidemark/detail/base/spsc_ring.h"

namespace tidemark {
namespace {

using namespace std::chrono_literals;

TEST(EventCountTest, DoesNotSleepWhenThereIsWork) {
  EventCount event;
  EXPECT_TRUE(event.park([] { return true; }, 1h));
  event.park([] { return true; });
}

TEST(EventCountTest, AWakeBetweenPrepareAndCommitIsNotLost) {
  EventCount event;
  event.prepare();
  event.wake();
  EXPECT_TRUE(event.commit(1h));
  event.prepare();
  event.wake();
  event.commit();
}

TEST(EventCountTest, AWakeBeforePrepareIsForTheSecondLookToFind) {
  EventCount event;
  event.wake();
  EXPECT_FALSE(event.park([] { return false; }, 1ms));
}

TEST(EventCountTest, ATimeoutEndsTheSleep) {
  EventCount event;
  EXPECT_FALSE(event.park([] { return false; }, 1ms));
  EXPECT_FALSE(event.park([] { return false; }, 0ns));
  EXPECT_FALSE(event.park([] { return false; }, -1s));
}

// A lost wake-up would leave the consumer asleep for good, since nothing else wakes it.
TEST(EventCountTest, NoItemOfAnyProducerIsLeftBehind) {
  constexpr int kProducers = 3;
  constexpr int kItems = 20'000;
  EventCount event;
  detail::SpscRing<int> rings[kProducers] = {detail::SpscRing<int>{4}, detail::SpscRing<int>{4},
                                             detail::SpscRing<int>{4}};
  EventCount space[kProducers];
  std::vector<std::jthread> producers;
  for (int p = 0; p < kProducers; ++p) {
    producers.emplace_back([&, p] {
      for (int i = 0; i < kItems; ++i) {
        while (!rings[p].try_push(i)) space[p].park([&] { return rings[p].size() < rings[p].capacity(); });
        event.wake();
      }
    });
  }
  int next[kProducers] = {};
  int total = 0;
  while (total < kProducers * kItems) {
    bool any = false;
    for (int p = 0; p < kProducers; ++p) {
      int value = -1;
      while (rings[p].try_pop(value)) {
        ASSERT_EQ(value, next[p]++);
        ++total;
        any = true;
        space[p].wake();
      }
    }
    if (any || total == kProducers * kItems) continue;
    const auto has_work = [&] { return !rings[0].empty() || !rings[1].empty() || !rings[2].empty(); };
    if (total % 2 == 0) {
      event.park(has_work);
    } else {
      EXPECT_TRUE(event.park(has_work, 1h));
    }
  }
}

}  // namespace
}  // namespace tidemark
