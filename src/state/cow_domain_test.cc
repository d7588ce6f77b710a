#include "tidemark/detail/state/cow_domain.h"

#include <gtest/gtest.h>

#include <vector>

namespace tidemark::detail {
namespace {

// Objects that say when they are freed.
struct Freed {
  std::vector<int> order;
  std::vector<int> objects = std::vector<int>(16);
  static constexpr std::size_t kBytes = 10;

  void retire(CowDomain& domain, int id, std::uint32_t born = 1) {
    objects[static_cast<std::size_t>(id)] = id;
    const auto free = [](void* object, std::size_t bytes, void* self) {
      EXPECT_EQ(bytes, kBytes);
      static_cast<Freed*>(self)->order.push_back(*static_cast<int*>(object));
    };
    domain.retire(&objects[static_cast<std::size_t>(id)], born, kBytes, free, this);
  }
};

TEST(CowDomain, WithoutASnapshotWhatIsRetiredIsFreedAtOnce) {
  Freed freed;
  CowDomain domain;
  freed.retire(domain, 1);
  EXPECT_EQ(freed.order, std::vector<int>{1});
}

TEST(CowDomain, WhatIsRetiredStaysUntilTheLastSnapshotThatSeesItEnds) {
  Freed freed;
  CowDomain domain;
  const auto first = domain.begin();
  freed.retire(domain, 1);  // seen by the first
  const auto second = domain.begin();
  freed.retire(domain, 2);  // seen by both
  domain.end(second);
  EXPECT_EQ(freed.order, std::vector<int>{});
  EXPECT_EQ(domain.waiting_bytes(), 2 * Freed::kBytes);
  domain.end(first);
  EXPECT_EQ(freed.order, (std::vector<int>{1, 2}));
  EXPECT_EQ(domain.waiting_bytes(), 0u);
}

TEST(CowDomain, WhatCameAfterASnapshotDoesNotWaitForIt) {
  Freed freed;
  CowDomain domain;
  const auto first = domain.begin();
  const auto between = domain.epoch();
  freed.retire(domain, 1, between);
  EXPECT_EQ(freed.order, std::vector<int>{1});
  const auto second = domain.begin();
  freed.retire(domain, 2, between);  // seen by the second alone
  freed.retire(domain, 3, domain.epoch());
  EXPECT_EQ(freed.order, (std::vector<int>{1, 3}));
  domain.end(second);
  EXPECT_EQ(freed.order, (std::vector<int>{1, 3, 2}));
  domain.end(first);
}

TEST(CowDomain, ALaterSnapshotDoesNotKeepWhatWasRetiredBeforeIt) {
  Freed freed;
  CowDomain domain;
  const auto first = domain.begin();
  freed.retire(domain, 1);
  const auto second = domain.begin();
  freed.retire(domain, 2);
  domain.end(first);
  EXPECT_EQ(freed.order, std::vector<int>{1});
  domain.end(second);
  EXPECT_EQ(freed.order, (std::vector<int>{1, 2}));
}

TEST(CowDomain, ItsEndFreesWhatSnapshotsKept) {
  Freed freed;
  {
    CowDomain domain;
    domain.begin();
    freed.retire(domain, 1);
  }
  EXPECT_EQ(freed.order, std::vector<int>{1});
}

TEST(CowDomain, OnlyContentThatARunningSnapshotHoldsIsNeeded) {
  CowDomain domain;
  const auto before = domain.epoch();
  EXPECT_FALSE(domain.needed(before));
  const auto first = domain.begin();
  EXPECT_TRUE(domain.needed(before));
  EXPECT_FALSE(domain.needed(domain.epoch()));
  const auto between = domain.epoch();
  const auto second = domain.begin();
  EXPECT_TRUE(domain.needed(between));
  domain.end(second);
  EXPECT_FALSE(domain.needed(between));
  EXPECT_TRUE(domain.needed(before));
  domain.end(first);
  EXPECT_FALSE(domain.needed(before));
}

TEST(CowDomain, LogEntriesAreFoundWhereTheyWereAppended) {
  CowDomain domain;
  domain.begin();
  std::vector<LogRef> refs;
  for (std::uint64_t i = 0; i < 100000; ++i) {
    const auto [entry, ref] = domain.append(8);
    entry->words[0] = i;
    refs.push_back(ref);
    EXPECT_EQ(log_until(ref), domain.epoch());
  }
  for (std::uint64_t i = 0; i < refs.size(); ++i) ASSERT_EQ(domain.at(refs[i]).words[0], i);
}

TEST(CowDomain, TheLogGoesWithTheSnapshotsAndItsPagesAreUsedAgain) {
  CowDomain domain;
  std::size_t mapped = 0;
  for (int round = 0; round < 5; ++round) {
    const auto first = domain.begin();
    for (int i = 0; i < 100000; ++i) domain.append(8);
    const auto second = domain.begin();
    for (int i = 0; i < 100000; ++i) domain.append(8);
    const std::size_t both = domain.log_bytes();
    domain.end(first);
    EXPECT_LT(domain.log_bytes(), both);
    EXPECT_GT(domain.log_bytes(), 0u);
    domain.end(second);
    EXPECT_EQ(domain.log_bytes(), 0u);
    if (round == 0) mapped = domain.pages().mapped_bytes();
    EXPECT_EQ(domain.pages().mapped_bytes(), mapped);
  }
}

TEST(CowDomainDeathTest, ASnapshotThatDoesNotRunCannotEnd) {
  CowDomain domain;
  const auto bound = domain.begin();
  domain.end(bound);
  EXPECT_DEATH(domain.end(bound), "ends once");
}

}  // namespace
}  // namespace tidemark::detail
