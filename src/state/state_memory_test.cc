#include "tidemark/detail/state/state_memory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "tidemark/error.h"

namespace tidemark::detail {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr std::uint64_t kMiB = 1 << 20;

OperatorName named(const char* uid, std::uint32_t subtask = 0) {
  return {.name = "keyed process", .uid = uid, .subtask = subtask};
}

TEST(StateMemory, CountsWhatAllSharesHoldAndForgetsThoseThatAreGone) {
  StateMemory memory{100 * kMiB};
  StateMemory::Share first{memory, named("a")};
  {
    StateMemory::Share second{memory, named("b")};
    first.set(30);
    second.set(50);
    EXPECT_EQ(memory.held_bytes(), 80u);
    first.set(10);
    EXPECT_EQ(memory.held_bytes(), 60u);
  }
  EXPECT_EQ(memory.held_bytes(), 10u);
}

TEST(StateMemory, AboveTheBudgetItNamesWhoHoldsTheMostAndWhatToDo) {
  StateMemory memory{100 * kMiB};
  StateMemory::Share small{memory, named("small")};
  StateMemory::Share large_0{memory, named("large", 0)};
  StateMemory::Share large_1{memory, named("large", 1)};
  small.set(40 * kMiB);
  large_0.set(30 * kMiB);
  large_1.set(30 * kMiB);
  try {
    small.set(40 * kMiB + 1);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kResourceExhausted);
    EXPECT_EQ(error.retry(), Retry::kNone);
    EXPECT_THAT(error.message(), AllOf(HasSubstr("takes 101 MiB"), HasSubstr("memory.state allows 100 MiB"),
                                       HasSubstr("60 MiB, is held by operator 'keyed process' (uid large) in 2 subtasks"),
                                       HasSubstr("raise memory.state")));
  }
}

TEST(StateMemory, WhoCanSpillMakesRoomForWhoCanNot) {
  StateMemory memory{100 * kMiB};
  StateMemory::Share tables{memory, named("tables")};
  tables.spill();
  StateMemory::Share rules{memory, named("rules"), StateMemory::Claim::kAhead};
  tables.set(110 * kMiB);
  rules.set(kMiB);
  EXPECT_LT(memory.even_share_bytes(), 99 * kMiB);
  EXPECT_THROW(rules.set(101 * kMiB), Error);
}

TEST(StateMemory, ASubtaskThatHasTwoSharesIsOne) {
  StateMemory memory{100 * kMiB};
  StateMemory::Share keyed{memory, named("rules")};
  StateMemory::Share rules{memory, named("rules"), StateMemory::Claim::kAhead};
  keyed.set(50 * kMiB);
  try {
    rules.set(60 * kMiB);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.message(), HasSubstr("110 MiB, is held by operator 'keyed process' (uid rules) in 1 subtask of"));
  }
}

TEST(StateMemory, WhatIsTakenAheadIsSharedByNobody) {
  StateMemory memory{1600, 160};
  StateMemory::Share first{memory, named("a")};
  StateMemory::Share second{memory, named("b")};
  EXPECT_EQ(memory.even_share_bytes(), 675u);
  {
    StateMemory::Share rules{memory, named("b"), StateMemory::Claim::kAhead};
    EXPECT_EQ(memory.even_share_bytes(), 675u) << "which holds nothing";
    rules.set(480);
    EXPECT_EQ(memory.even_share_bytes(), 450u);
    rules.set(160);
    EXPECT_EQ(memory.even_share_bytes(), 600u);
    EXPECT_THROW(rules.set(1600), Error);
    EXPECT_EQ(memory.even_share_bytes(), 0u);
  }
  EXPECT_EQ(memory.even_share_bytes(), 675u);
}

TEST(StateMemory, NobodyWhoCanSpillGetsMoreThanTheMost) {
  StateMemory memory{1600, 0, 100};
  StateMemory::Share share{memory, named("a")};
  EXPECT_EQ(memory.even_share_bytes(), 100u);
  EXPECT_NO_THROW(share.set(1600));
}

TEST(StateMemory, WhatShrinksIsNeverRefused) {
  StateMemory memory{10};
  StateMemory::Share share{memory, named("a")};
  EXPECT_THROW(share.set(30), Error);
  EXPECT_NO_THROW(share.set(20));
  EXPECT_THROW(share.set(21), Error);
  EXPECT_NO_THROW(share.set(10));
}

TEST(StateMemory, SharesOfManyThreadsAddUp) {
  StateMemory memory{~std::uint64_t{0}};
  {
    std::vector<std::thread> threads;
    for (std::uint32_t i = 0; i < 4; ++i) {
      threads.emplace_back([&memory, i] {
        StateMemory::Share share{memory, named("a", i)};
        for (std::uint64_t bytes = 0; bytes < 10000; ++bytes) share.set(bytes * 7 % 1000);
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  EXPECT_EQ(memory.held_bytes(), 0u);
}

}  // namespace
}  // namespace tidemark::detail
