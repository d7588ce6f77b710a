#include "tidemark/detail/base/spsc_ring.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>

namespace tidemark::detail {
namespace {

TEST(SpscRingTest, KeepsOrderAndRefusesWhenFullOrEmpty) {
  SpscRing<int> ring{3};
  EXPECT_EQ(ring.capacity(), 4u);
  int out = -1;
  EXPECT_FALSE(ring.try_pop(out));
  EXPECT_EQ(out, -1);
  for (int round = 0; round < 10; ++round) {
    for (int i = 0; i < 4; ++i) EXPECT_TRUE(ring.try_push(round * 4 + i));
    EXPECT_FALSE(ring.try_push(99));
    EXPECT_EQ(ring.size(), 4u);
    for (int i = 0; i < 4; ++i) {
      ASSERT_TRUE(ring.try_pop(out));
      EXPECT_EQ(out, round * 4 + i);
    }
    EXPECT_TRUE(ring.empty());
  }
}

TEST(SpscRingTest, ARefusedValueStaysWithItsOwner) {
  SpscRing<std::unique_ptr<int>> ring{1};
  EXPECT_TRUE(ring.try_push(std::make_unique<int>(1)));
  auto second = std::make_unique<int>(2);
  EXPECT_FALSE(ring.try_push(std::move(second)));
  ASSERT_NE(second, nullptr);
  EXPECT_EQ(*second, 2);
}

TEST(SpscRingTest, TheConsumerSeesWhatTheProducerWroteBefore) {
  constexpr std::size_t kCount = 200'000;
  struct Message {
    std::size_t number;
  };
  const auto memory = std::make_unique<Message[]>(kCount);
  SpscRing<Message*> ring{64};
  std::jthread producer{[&] {
    for (std::size_t i = 0; i < kCount; ++i) {
      memory[i].number = i;
      while (!ring.try_push(&memory[i])) std::this_thread::yield();
    }
  }};
  for (std::size_t i = 0; i < kCount;) {
    Message* message = nullptr;
    if (!ring.try_pop(message)) {
      EXPECT_LE(ring.size(), ring.capacity());
      std::this_thread::yield();
      continue;
    }
    ASSERT_EQ(message->number, i);
    ++i;
  }
  EXPECT_TRUE(ring.empty());
}

}  // namespace
}  // namespace tidemark::detail
