#include "base/mailbox.h"

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

namespace tidemark {
namespace {

TEST(MailboxTest, RunsMailInTheOrderOfPosting) {
  Mailbox box;
  EXPECT_FALSE(box.has_mail());
  EXPECT_FALSE(box.run_all());
  std::vector<int> seen;
  for (int i = 0; i < 5; ++i) box.post([&seen, i] { seen.push_back(i); });
  EXPECT_TRUE(box.has_mail());
  EXPECT_TRUE(box.run_all());
  EXPECT_EQ(seen, (std::vector{0, 1, 2, 3, 4}));
  EXPECT_FALSE(box.has_mail());
}

TEST(MailboxTest, MailPostedByMailWaitsForTheNextRun) {
  Mailbox box;
  int ran = 0;
  box.post([&] {
    ++ran;
    box.post([&] { ran += 10; });
  });
  EXPECT_TRUE(box.run_all());
  EXPECT_EQ(ran, 1);
  EXPECT_TRUE(box.has_mail());
  EXPECT_TRUE(box.run_all());
  EXPECT_EQ(ran, 11);
}

TEST(MailboxTest, MailBehindOneThatThrowsIsKept) {
  Mailbox box;
  std::vector<int> seen;
  box.post([&] { seen.push_back(1); });
  box.post([] { throw std::runtime_error{"no"}; });
  box.post([&] { seen.push_back(3); });
  EXPECT_THROW(box.run_all(), std::runtime_error);
  EXPECT_TRUE(box.has_mail());
  box.post([&] { seen.push_back(4); });
  EXPECT_TRUE(box.run_all());
  EXPECT_TRUE(box.run_all());
  EXPECT_EQ(seen, (std::vector{1, 3, 4}));
}

TEST(MailboxTest, UnreadMailIsDestroyedUnrun) {
  const auto token = std::make_shared<int>(0);
  {
    Mailbox box;
    box.post([token] { ++*token; });
    box.post([] { throw std::runtime_error{"no"}; });
    box.post([token] { ++*token; });
    EXPECT_THROW(box.run_all(), std::runtime_error);
    box.post([token] { ++*token; });
    EXPECT_EQ(token.use_count(), 3);
  }
  EXPECT_EQ(token.use_count(), 1);
  EXPECT_EQ(*token, 1);
}

TEST(MailboxTest, EveryLetterOfManySendersArrivesOnceAndInItsSendersOrder) {
  constexpr int kSenders = 3;
  constexpr int kLetters = 20'000;
  EventCount awake;
  Mailbox box{&awake};
  int next[kSenders] = {};  // the owner's: mail runs on its thread
  int total = 0;
  std::vector<std::jthread> senders;
  for (int s = 0; s < kSenders; ++s) {
    senders.emplace_back([&, s] {
      for (int i = 0; i < kLetters; ++i) {
        box.post([&, s, i] {
          EXPECT_EQ(i, next[s]++);
          ++total;
        });
      }
    });
  }
  while (total < kSenders * kLetters) {
    if (!box.run_all()) awake.park([&] { return box.has_mail(); });
  }
  senders.clear();
  EXPECT_FALSE(box.has_mail());
}

}  // namespace
}  // namespace tidemark
