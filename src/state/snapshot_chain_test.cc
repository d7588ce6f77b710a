#include "state/snapshot_chain.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <map>
#include <set>
#include <vector>

#include "env/split_mix_random.h"

namespace tidemark {
namespace {

using Bound = SnapshotChain::Bound;
using FileNumber = SnapshotChain::FileNumber;
using Plan = SnapshotChain::Plan;

constexpr std::uint64_t kBaseBytes = 1'000'000;

/// Triggers and completes checkpoints one after the other; each changes `changed_bytes` of a stripe.
class Runs {
 public:
  explicit Runs(std::size_t stripes) : chain_{stripes} {}

  Plan run(std::uint64_t changed_bytes) {
    const Plan plan = chain_.begin(++id_, ++bound_);
    std::vector<std::uint64_t> bytes;
    for (const Bound since : plan.since) bytes.push_back(since == 0 ? kBaseBytes : changed_bytes * (bound_ - since));
    chain_.completed(id_, bytes);
    return plan;
  }
  SnapshotChain& chain() { return chain_; }

 private:
  SnapshotChain chain_;
  CheckpointId id_ = 0;
  Bound bound_ = 0;
};

std::size_t count_whole(const Plan& plan) { return static_cast<std::size_t>(std::ranges::count(plan.since, 0u)); }

TEST(SnapshotChain, TheFirstCheckpointIsWholeAndTheNextOneIsNot) {
  Runs runs{3};
  EXPECT_EQ(runs.run(1).since, (std::vector<Bound>{0, 0, 0}));
  const Plan next = runs.run(1);
  EXPECT_EQ(next.since, (std::vector<Bound>{1, 1, 1}));
  EXPECT_EQ(next.older, (std::vector<FileNumber>{0}));
}

TEST(SnapshotChain, AChainOfFewChangesIsShortAndEachIsWrittenFewTimes) {
  Runs runs{1};
  runs.run(1);
  std::map<Bound, int> written;  // how often the changes of a checkpoint were
  for (Bound n = 2; n <= SnapshotChain::kOldestBase; ++n) {
    const Plan plan = runs.run(1);
    EXPECT_LE(plan.older.size(), 9u) << n;
    for (Bound changed = plan.since[0] + 1; changed <= n; ++changed) ++written[changed];
  }
  for (const auto& [bound, times] : written) EXPECT_LE(times, 5) << bound;
}

TEST(SnapshotChain, AStripeIsWrittenWholeWhenItsChangesAreHalfItsBase) {
  Runs runs{1};
  runs.run(1);
  int deltas = 0;
  while (count_whole(runs.run(kBaseBytes / 10)) == 0) ++deltas;
  EXPECT_GT(deltas, 3);
  EXPECT_LT(deltas, 10);
}

TEST(SnapshotChain, BasesAreStaggered) {
  Runs runs{8};
  runs.run(1);
  std::size_t whole = 0;
  std::size_t most = 0;
  for (int i = 0; i < 1000; ++i) {
    const std::size_t now = count_whole(runs.run(kBaseBytes / 100));
    whole += now;
    most = std::max(most, now);
  }
  EXPECT_EQ(most, 1u);
  EXPECT_GT(whole, 100u);
}

TEST(SnapshotChain, WhereNothingChangesABaseStillGetsOldOnlySoFar) {
  Runs runs{8};
  runs.run(0);
  for (int i = 0; i < 1000; ++i) {
    const Plan plan = runs.run(0);
    if (i < 60) {
      EXPECT_EQ(count_whole(plan), 0u);
    }
    EXPECT_LE(plan.older.size(), 8 + 9u);
    if (!plan.older.empty()) {
      EXPECT_GE(plan.older.front() + SnapshotChain::kOldestBase + 16, plan.file);
    }
  }
}

TEST(SnapshotChain, ManyChangesMakeEachCheckpointWhole) {
  Runs runs{4};
  runs.run(1);
  runs.run(3 * kBaseBytes);
  EXPECT_EQ(count_whole(runs.run(1)), 4u) << "all are long overdue";
}

TEST(SnapshotChain, WhatIsAbortedIsNotBuiltUpon) {
  Runs runs{1};
  runs.run(1);
  const Plan aborted = runs.chain().begin(100, 100);
  runs.chain().aborted(100);
  EXPECT_FALSE(runs.chain().needs(aborted.file));
  const Plan next = runs.chain().begin(101, 101);
  EXPECT_EQ(next.since, (std::vector<Bound>{1}));
  EXPECT_EQ(next.older, (std::vector<FileNumber>{0}));
}

TEST(SnapshotChain, ARestoredChainGoesOn) {
  SnapshotChain chain{2};
  chain.restored({{{true, 100}, {false, 7}}, {{false, 1}, {true, 100}}, {{false, 1}, {false, 1}}});
  const Plan plan = chain.begin(1, 4);
  EXPECT_EQ(plan.since, (std::vector<Bound>{3, 3}));
  EXPECT_EQ(plan.older, (std::vector<FileNumber>{0, 1, 2}));
  EXPECT_EQ(plan.file, 3u);
}

TEST(SnapshotChain, AStripeThatNoRestoredFileHasWholeIsWritten) {
  SnapshotChain chain{2};
  chain.restored({{{true, 100}, {false, 7}}});
  EXPECT_EQ(chain.begin(1, 2).since, (std::vector<Bound>{1, 0}));
}

/// A store that keeps the newest completed checkpoint alone, and a subtask that hears of everything late. Checkpoints are
/// triggered, completed and aborted in any order.
class History {
 public:
  explicit History(std::uint64_t seed) : random_{seed}, stripes_{1 + random_.next() % 4}, chain_{stripes_} {}

  void step() {
    switch (random_.next() % 4) {
      case 0: return trigger();
      case 1: return end(true);
      case 2: return end(random_.next() % 4 != 0);
      default: return tell();
    }
  }
  int completions() const { return completions_; }

 private:
  struct File {
    std::vector<Bound> since;
    Bound bound;
  };
  struct Checkpoint {
    CheckpointId id;
    std::vector<FileNumber> files;
    Bound bound;
  };
  struct News {
    CheckpointId id;
    bool completed;
  };

  void trigger() {
    if (in_flight_.size() == 4) return;
    const Bound oldest = chain_.oldest_since();
    const Plan plan = chain_.begin(++last_id_, ++bound_);
    for (const Bound since : plan.since) {
      if (since != 0) {
        ASSERT_GE(since, oldest) << "what was erased since then is forgotten";
      }
    }
    written_[plan.file] = {plan.since, bound_};
    Checkpoint checkpoint{last_id_, plan.older, bound_};
    checkpoint.files.push_back(plan.file);
    in_flight_.push_back(checkpoint);
    there_.insert(plan.file);
    bytes_[last_id_].clear();
    for (const Bound since : plan.since) {
      bytes_[last_id_].push_back(since == 0 ? 1000 : (bound_ - since) * (random_.next() % 200));
    }
  }

  void end(bool completes) {
    if (in_flight_.empty()) return;
    const std::size_t at = random_.next() % in_flight_.size();
    const Checkpoint checkpoint = in_flight_[at];
    news_.push_back({checkpoint.id, completes});
    if (!completes) {
      in_flight_.erase(in_flight_.begin() + static_cast<std::ptrdiff_t>(at));
      there_.erase(checkpoint.files.back());
      return;
    }
    ++completions_;
    verify(checkpoint);
    for (std::size_t i = 0; i < at; ++i) there_.erase(in_flight_[i].files.back());
    in_flight_.erase(in_flight_.begin(), in_flight_.begin() + static_cast<std::ptrdiff_t>(at) + 1);
    // Only what the new one names stays, and what those in flight have written.
    std::set<FileNumber> kept{checkpoint.files.begin(), checkpoint.files.end()};
    for (const Checkpoint& flight : in_flight_) kept.insert(flight.files.back());
    there_ = std::move(kept);
  }

  void verify(const Checkpoint& checkpoint) const {
    ASSERT_TRUE(std::ranges::is_sorted(checkpoint.files));
    for (const FileNumber file : checkpoint.files) ASSERT_TRUE(there_.contains(file)) << "of checkpoint " << checkpoint.id;
    for (std::size_t stripe = 0; stripe < stripes_; ++stripe) {
      Bound restored = 0;
      for (const FileNumber number : checkpoint.files) {
        const File& file = written_.at(number);
        if (file.since[stripe] <= restored) restored = file.bound;
      }
      ASSERT_EQ(restored, checkpoint.bound) << "the files hold all changes of stripe " << stripe;
    }
  }

  void tell() {
    if (news_.empty()) return;
    const News news = news_.front();
    news_.erase(news_.begin());
    if (!news.completed) return chain_.aborted(news.id);
    // Never back: what was told of a newer one covers it.
    if (news.id > told_completed_) chain_.completed(told_completed_ = news.id, bytes_.at(news.id));
  }

  SplitMixRandom random_;
  std::size_t stripes_;
  SnapshotChain chain_;
  CheckpointId last_id_ = 0;
  CheckpointId told_completed_ = 0;
  Bound bound_ = 0;
  std::map<FileNumber, File> written_;
  std::map<CheckpointId, std::vector<std::uint64_t>> bytes_;
  std::set<FileNumber> there_;
  std::vector<Checkpoint> in_flight_;
  std::vector<News> news_;
  int completions_ = 0;
};

TEST(SnapshotChain, WhicheverCheckpointCompletesItsFilesAreThereAndHoldEverything) {
  int completions = 0;
  for (std::uint64_t seed = 1; seed <= 300 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    History history{seed};
    for (int i = 0; i < 400 && !testing::Test::HasFailure(); ++i) history.step();
    completions += history.completions();
  }
  EXPECT_GT(completions, 10'000);
}

}  // namespace
}  // namespace tidemark
