#include "tidemark/detail/event_time/timer_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "event_time/memory_scratch_test.h"

namespace tidemark::detail {
namespace {

constexpr Timestamp at(std::int64_t ms) { return Timestamp{ms}; }

template <class Key>
Key key_of(std::uint64_t n) {
  if constexpr (std::is_same_v<Key, std::string>) {
    return "a key that is too long for its string's own room " + std::to_string(n);
  } else if constexpr (std::is_same_v<Key, std::uint64_t>) {
    return n;
  } else {
    const std::string digits = std::string(16, '0') + std::to_string(n);
    return Key{digits.substr(digits.size() - 16)};
  }
}

template <class Key>
std::uint64_t hash_of(const Key& key) {
  return std::hash<std::conditional_t<std::is_same_v<Key, std::uint64_t>, Key, std::string_view>>{}(key);
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

  /// All that is ahead goes into a file.
  void spill() {
    if (!spills_) queue_.spill_to(files_);
    spills_ = true;
    queue_.keep_to(0);
  }

  MemoryScratchFiles files_;
  TimerQueue<Key> queue_;
  bool spills_ = false;
};

using Keys = testing::Types<std::uint64_t, std::string, FixedKey<16>>;
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

TYPED_TEST(TimerQueueOf, TheHashesOfThoseThatComeNextAreKnownWhileTheyFire) {
  for (int i = 0; i < 5; ++i) this->add(100 + i, static_cast<std::uint64_t>(i));
  this->add(5000, 5);
  EXPECT_EQ(this->queue_.hash_ahead(0), nullptr) << "not in order yet";
  std::size_t fired = 0;
  this->queue_.pop_due(at(4000), [&](Timestamp, std::uint64_t, TimerKeyView<TypeParam>) {
    ++fired;
    for (std::size_t ahead = 0; ahead < 6; ++ahead) {
      const std::uint64_t* const hash = this->queue_.hash_ahead(ahead);
      EXPECT_EQ(hash != nullptr, fired + ahead < 5);
      if (hash != nullptr) EXPECT_EQ(*hash, hash_of(key_of<TypeParam>(fired + ahead)));
    }
    return true;
  });
  EXPECT_EQ(fired, 5u);
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

TYPED_TEST(TimerQueueOf, FilesHoldWhatTheQueueDoesAndLaterWordsOverruleThem) {
  this->add(5000, 1);
  this->add(5000, 2);
  this->add(7000, 3);
  this->add(9000, 4);
  this->spill();
  this->remove(5000, 1);
  this->remove(7000, 3);
  this->add(9000, 4);
  EXPECT_EQ(this->queue_.size(), 2u);
  this->spill();
  this->add(7000, 3);
  this->remove(9000, 4);
  this->add(6000, 5);
  this->spill();
  this->remove(4000, 6);
  EXPECT_EQ(this->queue_.earliest(), at(5000));
  EXPECT_EQ(this->queue_.not_due_before(), at(5000));
  EXPECT_EQ(this->pop(5500), this->timers({{5000, 2}}));
  EXPECT_EQ(this->pop(10'000), this->timers({{6000, 5}, {7000, 3}}));
  EXPECT_TRUE(this->queue_.empty());
  EXPECT_EQ(this->files_.created(), 3);
  EXPECT_EQ(this->files_.living(), 0) << "fired files go";
}

TYPED_TEST(TimerQueueOf, TheFarthestTimersAreSpilledFirst) {
  this->queue_.spill_to(this->files_);
  for (int i = 0; i < 1000; ++i) this->add(i * 1000, 1);
  const std::size_t all = this->queue_.bytes();
  this->queue_.keep_to(all);
  EXPECT_EQ(this->files_.created(), 0);
  this->queue_.keep_to(all - 1);
  EXPECT_LT(this->queue_.bytes(), all / 3 * 2);
  EXPECT_EQ(this->pop(300'000).size(), 301u);
  EXPECT_LT(this->files_.bytes_read(), 2 * kTimerBlockBytes) << "of a file only its front is in memory";
}

TYPED_TEST(TimerQueueOf, TheEndsOfTimeAreSpilledLikeOthers) {
  const auto ends = this->timers({{INT64_MIN, 2}, {INT64_MIN + 1, 2}, {INT64_MAX - 1, 1}, {INT64_MAX, 1}});
  for (const auto& [ms, n] : {std::pair{INT64_MAX, 1u}, {INT64_MIN, 2u}, {INT64_MIN + 1, 2u}, {INT64_MAX - 1, 1u}}) this->add(ms, n);
  this->spill();
  EXPECT_EQ(contents(this->queue_.snapshot()), ends);
  EXPECT_EQ(this->queue_.not_due_before(), Timestamp::min());
  EXPECT_EQ(this->pop(INT64_MAX), ends);
}

TYPED_TEST(TimerQueueOf, ASlotLargerThanMemoryIsReadInPieces) {
  constexpr int kTimers = 5000;
  Fired<TypeParam> expected;
  for (int i = 0; i < kTimers; ++i) {
    this->add(3000 + i % 2, static_cast<std::uint64_t>(i));
    if (i % 500 == 0) this->spill();
    if (i % 10 != 1) expected.emplace_back(3000 + i % 2, key_of<TypeParam>(static_cast<std::uint64_t>(i)));
  }
  this->spill();
  for (int i = 1; i < kTimers; i += 10) this->remove(3000 + i % 2, static_cast<std::uint64_t>(i));
  this->spill();
  std::sort(expected.begin(), expected.end());
  Fired<TypeParam> fired;
  std::size_t most_bytes = 0;
  // Each makes one of the other end of the slot come and go, and adds one at its own place that is there.
  this->queue_.pop_due(at(4000), [&](Timestamp time, std::uint64_t hash, TimerKeyView<TypeParam> key) {
    fired.emplace_back(time.ms(), TypeParam{key});
    this->add(3999, 7);
    this->remove(3999, 7);
    if (expected.back() > fired.back()) this->queue_.add(at(expected.back().first), hash_of(expected.back().second), expected.back().second);
    this->queue_.remove(time, hash, key);
    most_bytes = std::max(most_bytes, this->queue_.bytes());
    return true;
  });
  EXPECT_EQ(fired, expected);
  EXPECT_LT(most_bytes, 600'000u);
  EXPECT_TRUE(this->queue_.empty());
}

TYPED_TEST(TimerQueueOf, ASnapshotKeepsItsFiles) {
  for (int i = 0; i < 100; ++i) this->add(i * 100, 1);
  this->spill();
  this->pop(2050);
  std::optional snapshot{this->queue_.snapshot()};
  EXPECT_EQ(this->pop(20'000).size(), 79u);
  EXPECT_EQ(this->files_.living(), 1);
  EXPECT_EQ(contents(*snapshot).size(), 79u);
  snapshot.reset();
  EXPECT_EQ(this->files_.living(), 0);
}

TYPED_TEST(TimerQueueOf, ThereAreNeverManyFiles) {
  for (int i = 0; i < 3000; ++i) {
    this->add(1'000'000 - i * 7 % 100'000, static_cast<std::uint64_t>(i));
    if (i % 3 == 0) this->remove(1'000'000 - (i - 1) * 7 % 100'000, static_cast<std::uint64_t>(i - 1));
    this->spill();
    ASSERT_LT(this->files_.living(), 40);
  }
  EXPECT_EQ(this->files_.created(), 3000 + 3000 / 8 + 3000 / 64 + 3000 / 512);
  EXPECT_EQ(this->pop(2'000'000).size(), 2001u);
  EXPECT_EQ(this->files_.living(), 0);
}

TYPED_TEST(TimerQueueOf, AMergeWhoseReadFailsLeavesTheFilesAsTheyAre) {
  std::uint64_t failed = 0;
  for (bool fails = true; fails; ++failed) {
    SCOPED_TRACE(failed);
    MemoryScratchFiles files;
    TimerQueue<TypeParam> queue;
    queue.spill_to(files);
    const auto spill = [&](std::int64_t ms) {
      queue.add(at(ms), hash_of(key_of<TypeParam>(1)), key_of<TypeParam>(1));
      queue.keep_to(0);
    };
    for (const std::int64_t ms : {1000, 2000, 3000, 4000, 5000, 6000, 7000}) spill(ms);
    // Two reads of what the eighth one begins with itself.
    files.refuse_reads_after(2 + failed);
    fails = false;
    try {
      spill(8000);
    } catch (const Error&) {
      fails = true;
      EXPECT_THROW(queue.keep_to(0), Error);
    }
    files.allow_reads();
    EXPECT_EQ(detail::pop(queue, at(8000)).size(), 8u);
  }
  EXPECT_GT(failed, 16u) << "what is merged was read, and the result";
}

TYPED_TEST(TimerQueueOf, AYearOfSecondsTakesNoMoreThanItsShare) {
  constexpr std::size_t kShare = 1u << 20;
  this->queue_.spill_to(this->files_);
  for (std::int64_t i = 0; i < 100'000; ++i) {
    this->add(i * 315'000, 1);
    if (i % 1000 == 0) this->queue_.keep_to(kShare);
    ASSERT_LT(this->queue_.bytes(), 2 * kShare);
  }
  EXPECT_EQ(this->pop(INT64_MAX).size(), 100'000u);
}

TYPED_TEST(TimerQueueOf, AClearedQueueSpillsAgain) {
  this->add(5000, 1);
  this->spill();
  this->queue_.clear();
  EXPECT_EQ(this->files_.living(), 0);
  EXPECT_TRUE(this->queue_.empty());
  this->add(6000, 2);
  this->spill();
  EXPECT_EQ(this->pop(7000), this->timers({{6000, 2}}));
}

TYPED_TEST(TimerQueueOf, KnowsWhatItHolds) {
  EXPECT_EQ(this->queue_.bytes(), 0u);
  for (int i = 0; i < 10'000; ++i) this->add(5000 + i / 10, static_cast<std::uint64_t>(i));
  EXPECT_GT(this->queue_.bytes(), 10'000 * sizeof(TimerOp<TypeParam>));
  EXPECT_LT(this->queue_.bytes(), 10'000 * (2 * sizeof(TimerOp<TypeParam>) + 100));
  this->pop(5001);
  this->add(100, 1);
  this->add(100, 2);
  this->remove(100, 2);
  this->pop(INT64_MAX);
  this->queue_.clear();
  EXPECT_EQ(this->queue_.bytes(), 0u);
}

TYPED_TEST(TimerQueueOf, AFileThatCannotBeWrittenOrIsDamagedIsAnError) {
  this->queue_.spill_to(this->files_);
  this->add(5000, 1);
  this->files_.damage();
  this->add(6000, 1);
  EXPECT_THAT([&] { this->queue_.keep_to(0); },
              testing::ThrowsMessage<Error>(testing::HasSubstr("/scratch/a-file: timers in it do not have their checksum")));
  this->files_.refuse();
  this->add(5000, 2);
  EXPECT_THAT([&] { this->queue_.keep_to(0); }, testing::ThrowsMessage<Error>(testing::HasSubstr("no space left")));
}

// Does the same to a queue and to a std::set, and reads snapshots on other threads while it goes on. Some queues spill all,
// some a part of what they hold, some nothing.
TYPED_TEST(TimerQueueOf, BehavesAsASortedSetAndItsSnapshotsStandStill) {
  using Model = std::set<std::pair<std::int64_t, TypeParam>>;
  std::mt19937_64 random{42};
  for (int round = 0; round < 36; ++round) {
    MemoryScratchFiles files;
    TimerQueue<TypeParam> queue;
    const int spills = round / 6 % 3;
    if (spills != 0) queue.spill_to(files);
    Model model;
    std::vector<std::thread> readers;
    const std::uint64_t span = round % 2 == 0 ? 5000 : round % 4 == 1 ? 500 : 3;
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
      queue.keep_to(spills == 1 ? 0 : random() % 20'000);
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
    ASSERT_EQ(files.living(), 0);
  }
}

}  // namespace
}  // namespace tidemark::detail
