#include "tidemark/detail/event_time/timer_queue.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

namespace tidemark::detail {
namespace {

constexpr Timestamp at(std::int64_t ms) { return Timestamp{ms}; }

template <class Key>
Key key_of(std::uint64_t n) {
  if constexpr (std::is_same_v<Key, std::string>) {
    return "a key that is too long for its string's own room " + std::to_string(n);
  } else {
    return n;
  }
}

template <class Key>
std::uint64_t hash_of(const Key& key) {
  return std::hash<Key>{}(key);
}

template <class Key>
using Fired = std::vector<std::pair<std::int64_t, Key>>;

template <class Key>
Fired<Key> pop(TimerQueue<Key>& queue, Timestamp watermark) {
  Fired<Key> fired;
  const bool all = queue.pop_due(watermark, [&](Timestamp time, std::uint64_t hash, TimerKeyView<Key> key) {
    EXPECT_EQ(hash, hash_of(Key{key}));
    fired.emplace_back(time.ms(), Key{key});
    return true;
  });
  EXPECT_TRUE(all);
  return fired;
}

template <class Key>
Fired<Key> contents(const TimerSnapshot<Key>& snapshot) {
  Fired<Key> timers;
  snapshot.for_each([&](Timestamp time, std::uint64_t hash, TimerKeyView<Key> key) {
    EXPECT_EQ(hash, hash_of(Key{key}));
    timers.emplace_back(time.ms(), Key{key});
  });
  return timers;
}

template <class Key>
class TimerQueueOf : public testing::Test {
 public:
  void add(std::int64_t ms, std::uint64_t n) {
    const Key key = key_of<Key>(n);
    queue_.add(at(ms), hash_of(key), key);
  }
  void remove(std::int64_t ms, std::uint64_t n) {
    const Key key = key_of<Key>(n);
    queue_.remove(at(ms), hash_of(key), key);
  }
  Fired<Key> pop(std::int64_t watermark) { return detail::pop(queue_, at(watermark)); }
  static Fired<Key> timers(std::initializer_list<std::pair<std::int64_t, std::uint64_t>> list) {
    Fired<Key> result;
    for (const auto& [ms, n] : list) result.emplace_back(ms, key_of<Key>(n));
    return result;
  }

  TimerQueue<Key> queue_;
};

using Keys = testing::Types<std::uint64_t, std::string>;
TYPED_TEST_SUITE(TimerQueueOf, Keys);

TYPED_TEST(TimerQueueOf, FiresByTimeThenKeyUpToTheWatermark) {
  this->add(2500, 1);
  this->add(10, 9);
  this->add(10, 3);
  this->add(-1, 5);
  EXPECT_EQ(this->queue_.earliest(), at(-1));
  EXPECT_EQ(this->pop(9), this->timers({{-1, 5}}));
  EXPECT_EQ(this->pop(10), this->timers({{10, 3}, {10, 9}}));
  EXPECT_EQ(this->queue_.size(), 1u);
  EXPECT_EQ(this->pop(2499), this->timers({}));
  EXPECT_EQ(this->pop(2500), this->timers({{2500, 1}}));
  EXPECT_TRUE(this->queue_.empty());
}

TYPED_TEST(TimerQueueOf, RegisteredTwiceFiresOnceBeforeAndAfterItsSlotOpens) {
  this->add(100, 1);
  this->add(100, 1);
  this->add(900, 1);
  EXPECT_EQ(this->pop(50), this->timers({}));
  this->add(900, 1);
  this->add(800, 2);
  this->add(800, 2);
  EXPECT_EQ(this->queue_.size(), 3u);
  EXPECT_EQ(this->pop(900), this->timers({{100, 1}, {800, 2}, {900, 1}}));
}

TYPED_TEST(TimerQueueOf, TheLastWordOnATimerCounts) {
  this->add(100, 1);
  this->remove(100, 1);
  this->add(200, 2);
  this->remove(200, 2);
  this->add(200, 2);
  this->remove(300, 3);
  this->remove(70'000, 3);
  EXPECT_EQ(this->queue_.size(), 1u);
  EXPECT_EQ(this->pop(150), this->timers({}));
  this->remove(200, 2);
  EXPECT_TRUE(this->queue_.empty());
  this->add(200, 2);
  this->add(150, 4);
  this->remove(150, 4);
  EXPECT_EQ(this->pop(1000), this->timers({{200, 2}}));
}

TYPED_TEST(TimerQueueOf, TheEndsOfTimeAreTimesLikeOthers) {
  this->add(INT64_MAX, 1);
  this->add(INT64_MIN, 2);
  this->add(INT64_MIN + 1, 2);
  this->add(INT64_MAX - 1, 1);
  EXPECT_EQ(contents(this->queue_.snapshot()),
            this->timers({{INT64_MIN, 2}, {INT64_MIN + 1, 2}, {INT64_MAX - 1, 1}, {INT64_MAX, 1}}));
  EXPECT_EQ(this->pop(INT64_MIN), this->timers({{INT64_MIN, 2}}));
  EXPECT_EQ(this->pop(INT64_MAX - 1), this->timers({{INT64_MIN + 1, 2}, {INT64_MAX - 1, 1}}));
  this->add(INT64_MAX, 3);
  EXPECT_EQ(this->pop(INT64_MAX), this->timers({{INT64_MAX, 1}, {INT64_MAX, 3}}));
}

TYPED_TEST(TimerQueueOf, ACallbackAddsTimersThatAreDueAndRemovesOthers) {
  this->add(100, 1);
  this->add(300, 2);
  this->add(5000, 3);
  Fired<TypeParam> fired;
  this->queue_.pop_due(at(10'000), [&](Timestamp time, std::uint64_t, TimerKeyView<TypeParam> key) {
    fired.emplace_back(time.ms(), TypeParam{key});
    if (time == at(100)) {
      this->add(300, 1);
      this->add(50, 7);
      this->add(7000, 1);
      this->add(20'000, 1);
      this->remove(5000, 3);
    }
    return true;
  });
  EXPECT_EQ(fired, this->timers({{100, 1}, {50, 7}, {300, 1}, {300, 2}, {7000, 1}}));
  EXPECT_EQ(this->queue_.earliest(), at(20'000));
}

TYPED_TEST(TimerQueueOf, ATimerMayRegisterItselfAgainAtItsOwnTime) {
  this->add(100, 1);
  int times = 0;
  this->queue_.pop_due(at(100), [&](Timestamp, std::uint64_t, TimerKeyView<TypeParam>) {
    if (++times < 3) this->add(100, 1);
    return true;
  });
  EXPECT_EQ(times, 3);
}

TYPED_TEST(TimerQueueOf, TheCallbackCutsTheFiringWithoutLosingOrder) {
  for (int i = 0; i < 10; ++i) this->add(i * 400, 1);
  Fired<TypeParam> fired;
  const auto take_to_four = [&](Timestamp time, std::uint64_t, TimerKeyView<TypeParam> key) {
    fired.emplace_back(time.ms(), TypeParam{key});
    return fired.size() != 4;
  };
  EXPECT_FALSE(this->queue_.pop_due(at(2000), take_to_four));
  EXPECT_EQ(fired.size(), 4u);
  EXPECT_TRUE(this->queue_.pop_due(at(2000), take_to_four));
  EXPECT_EQ(fired, this->timers({{0, 1}, {400, 1}, {800, 1}, {1200, 1}, {1600, 1}, {2000, 1}}));
}

TYPED_TEST(TimerQueueOf, NothingIsDueBeforeTheBound) {
  EXPECT_EQ(this->queue_.not_due_before(), std::nullopt);
  this->add(5300, 1);
  EXPECT_EQ(this->queue_.not_due_before(), at(5000)) << "the second is known, the order in it is not";
  EXPECT_EQ(this->pop(5000), this->timers({}));
  EXPECT_EQ(this->queue_.not_due_before(), at(5300));
  this->add(4000, 2);
  EXPECT_EQ(this->queue_.not_due_before(), at(4000));
  EXPECT_EQ(this->pop(5300), this->timers({{4000, 2}, {5300, 1}}));
  EXPECT_EQ(this->queue_.not_due_before(), std::nullopt);
  this->add(INT64_MIN, 3);
  EXPECT_EQ(this->queue_.not_due_before(), Timestamp::min());
}

TYPED_TEST(TimerQueueOf, TheLowestSlotOfAllIsNotTakenForALateOne) {
  this->add(INT64_MIN, 3);
  EXPECT_EQ(this->queue_.not_due_before(), Timestamp::min());
}

TYPED_TEST(TimerQueueOf, AClearedQueueHoldsNothingAndGoesOn) {
  for (const std::int64_t ms : {100, 900, 5000}) this->add(ms, 1);
  EXPECT_EQ(this->pop(100), this->timers({{100, 1}}));
  this->add(50, 2);
  this->queue_.clear();
  EXPECT_TRUE(this->queue_.empty());
  EXPECT_EQ(this->queue_.not_due_before(), std::nullopt);
  this->add(60, 3);
  this->add(7000, 4);
  EXPECT_EQ(this->pop(10'000), this->timers({{60, 3}, {7000, 4}}));
}

TYPED_TEST(TimerQueueOf, EachRecordMayRegisterTheSameTimers) {
  for (int i = 0; i < 20'000; ++i) {
    this->add(100, static_cast<std::uint64_t>(i % 10));
    if (i % 3 == 0) this->remove(100, static_cast<std::uint64_t>(i % 10));
  }
  EXPECT_LE(this->queue_.size(), 10u);
  std::size_t ops = 0;
  const auto snapshot = this->queue_.snapshot();
  for (const auto& part : snapshot.parts()) ops += static_cast<std::size_t>(part.ops.end - part.ops.begin);
  EXPECT_LE(ops, 2048u) << "what was done is compacted";
}

// Does the same to a queue and to a std::set, and reads snapshots on other threads while it goes on.
TYPED_TEST(TimerQueueOf, BehavesAsASortedSetAndItsSnapshotsStandStill) {
  using Model = std::set<std::pair<std::int64_t, TypeParam>>;
  std::mt19937_64 random{42};
  for (int round = 0; round < 30; ++round) {
    TimerQueue<TypeParam> queue;
    Model model;
    std::vector<std::thread> readers;
    const std::uint64_t span = round % 2 == 0 ? 5000 : 500;
    const std::uint64_t keys = round % 3 == 0 ? 3 : 200;
    std::int64_t watermark = -3000;
    const auto change = [&](std::int64_t reach_back) {
      const std::int64_t ms = watermark - reach_back + static_cast<std::int64_t>(random() % span);
      const TypeParam key = key_of<TypeParam>(random() % keys);
      if (random() % 4 != 0) {
        queue.add(at(ms), hash_of(key), key);
        model.emplace(ms, key);
      } else {
        queue.remove(at(ms), hash_of(key), key);
        model.erase({ms, key});
      }
    };
    for (int step = 0; step < 60; ++step) {
      for (std::uint64_t n = random() % 100; n > 0; --n) change(100);
      if (random() % 4 == 0) {
        readers.emplace_back([snapshot = queue.snapshot(), expected = Fired<TypeParam>(model.begin(), model.end())] {
          EXPECT_EQ(contents(snapshot), expected);
        });
      }
      if (random() % 3 == 0) {
        watermark += static_cast<std::int64_t>(random() % 800);
        queue.pop_due(at(watermark), [&](Timestamp time, std::uint64_t, TimerKeyView<TypeParam> key) {
          EXPECT_FALSE(model.empty());
          if (model.empty()) return false;
          EXPECT_EQ(*model.begin(), std::make_pair(time.ms(), TypeParam{key}));
          model.erase(model.begin());
          if (random() % 4 == 0) change(-1 - static_cast<std::int64_t>(random() % 50));
          if (random() % 8 == 0) change(20);
          return true;
        });
        ASSERT_TRUE(model.empty() || model.begin()->first > watermark);
      }
      ASSERT_EQ(queue.size(), model.size());
      ASSERT_EQ(queue.empty(), model.empty());
      if (!model.empty()) {
        ASSERT_EQ(queue.earliest(), at(model.begin()->first));
        ASSERT_LE(queue.not_due_before(), at(model.begin()->first));
      }
    }
    ASSERT_EQ(pop(queue, Timestamp::max()), (Fired<TypeParam>(model.begin(), model.end())));
    for (std::thread& reader : readers) reader.join();
  }
}

}  // namespace
}  // namespace tidemark::detail
