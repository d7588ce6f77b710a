#include "protocol/alignment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

namespace tidemark {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Aborted = AlignmentDecision::Aborted;
using enum AlignmentAbort;

constexpr auto kExactly = CheckpointMode::kExactlyOnce;
constexpr auto kAtLeast = CheckpointMode::kAtLeastOnce;

Barrier barrier(CheckpointId id, CheckpointMode mode = kExactly) { return {.id = id, .mode = mode}; }

bool snapshots(const AlignmentDecision& decision, CheckpointId id) {
  return decision.snapshot && decision.snapshot->id == id;
}

TEST(ExactlyOnce, OneChannelSnapshotsAtItsBarrier) {
  BarrierAlignment alignment{kExactly, 1};
  const auto decision = alignment.on_barrier(0, barrier(1), 5);
  EXPECT_TRUE(snapshots(decision, 1));
  EXPECT_FALSE(decision.block_channel);
  EXPECT_FALSE(decision.resume_all);
  EXPECT_EQ(decision.alignment_ns, 0);
}

TEST(ExactlyOnce, ChannelsWaitForTheLastBarrier) {
  BarrierAlignment alignment{kExactly, 3};
  EXPECT_TRUE(alignment.on_barrier(1, barrier(1), 10).block_channel);
  EXPECT_TRUE(alignment.on_barrier(0, barrier(1), 20).block_channel);
  EXPECT_TRUE(alignment.blocked(0) && alignment.blocked(1) && !alignment.blocked(2));
  const auto last = alignment.on_barrier(2, barrier(1), 45);
  EXPECT_TRUE(snapshots(last, 1));
  EXPECT_TRUE(last.resume_all);
  EXPECT_FALSE(last.block_channel);
  EXPECT_EQ(last.alignment_ns, 35);
  EXPECT_FALSE(alignment.blocked(0) || alignment.blocked(1) || alignment.aligning());
}

TEST(ExactlyOnce, NewerBarrierAbortsTheOlderAlignmentAndStartsItsOwn) {
  BarrierAlignment alignment{kExactly, 3};
  alignment.on_barrier(0, barrier(1), 0);
  const auto newer = alignment.on_barrier(1, barrier(2), 0);
  EXPECT_THAT(newer.aborted, ElementsAre(Aborted{1, kNewerBarrier}));
  EXPECT_TRUE(newer.resume_all);
  EXPECT_TRUE(newer.block_channel);
  EXPECT_TRUE(!alignment.blocked(0) && alignment.blocked(1));
  alignment.on_barrier(0, barrier(2), 0);
  EXPECT_TRUE(snapshots(alignment.on_barrier(2, barrier(2), 0), 2));
}

TEST(ExactlyOnce, OlderBarrierIsIgnored) {
  BarrierAlignment alignment{kExactly, 3};
  alignment.on_barrier(0, barrier(2), 0);
  EXPECT_TRUE(alignment.on_barrier(1, barrier(1), 0).ignored());
  EXPECT_FALSE(alignment.blocked(1));
  EXPECT_TRUE(alignment.blocked(0));
}

TEST(ExactlyOnce, BarrierOfAFinishedCheckpointIsIgnored) {
  BarrierAlignment alignment{kExactly, 1};
  alignment.on_barrier(0, barrier(1), 0);
  EXPECT_TRUE(alignment.on_barrier(0, barrier(1), 0).ignored());
}

TEST(ExactlyOnce, CancelMarkerOfTheAligningCheckpointAbortsIt) {
  BarrierAlignment alignment{kExactly, 3};
  alignment.on_barrier(0, barrier(1), 0);
  const auto marker = alignment.on_cancel_marker(1, 1);
  EXPECT_THAT(marker.aborted, ElementsAre(Aborted{1, kCancelMarker}));
  EXPECT_TRUE(marker.resume_all);
  EXPECT_FALSE(alignment.blocked(0));
}

TEST(ExactlyOnce, BarrierAfterItsCancelMarkerStartsNoAlignment) {
  BarrierAlignment alignment{kExactly, 2};
  EXPECT_THAT(alignment.on_cancel_marker(0, 1).aborted, ElementsAre(Aborted{1, kCancelMarker}));
  EXPECT_TRUE(alignment.on_barrier(1, barrier(1), 0).ignored());
  EXPECT_FALSE(alignment.blocked(1));
}

TEST(ExactlyOnce, SecondCancelMarkerIsIgnored) {
  BarrierAlignment alignment{kExactly, 2};
  alignment.on_cancel_marker(0, 1);
  EXPECT_TRUE(alignment.on_cancel_marker(1, 1).ignored());
}

TEST(ExactlyOnce, CancelMarkerOfANewerCheckpointAbortsTheAligningOneToo) {
  BarrierAlignment alignment{kExactly, 2};
  alignment.on_barrier(0, barrier(1), 0);
  const auto marker = alignment.on_cancel_marker(1, 2);
  EXPECT_THAT(marker.aborted, ElementsAre(Aborted{1, kNewerBarrier}, Aborted{2, kCancelMarker}));
  EXPECT_TRUE(marker.resume_all);
  EXPECT_TRUE(alignment.on_barrier(0, barrier(2), 0).ignored());
}

TEST(ExactlyOnce, CancelMarkerOfAnOlderCheckpointIsIgnored) {
  BarrierAlignment alignment{kExactly, 2};
  alignment.on_barrier(0, barrier(2), 0);
  EXPECT_TRUE(alignment.on_cancel_marker(1, 1).ignored());
  EXPECT_TRUE(alignment.blocked(0));
}

TEST(ExactlyOnce, AbortNotificationEndsAnAlignmentAndItsLaterBarriersAreIgnored) {
  BarrierAlignment alignment{kExactly, 2};
  alignment.on_barrier(0, barrier(1), 0);
  const auto told = alignment.on_abort_notification(1);
  EXPECT_THAT(told.aborted, ElementsAre(Aborted{1, kToldByCoordinator}));
  EXPECT_TRUE(told.resume_all);
  EXPECT_TRUE(alignment.on_barrier(1, barrier(1), 0).ignored());
}

TEST(ExactlyOnce, AbortNotificationBeforeTheBarrierSkipsTheSnapshotAndForwardsTheMarkerOnce) {
  BarrierAlignment alignment{kExactly, 2};
  EXPECT_TRUE(alignment.on_abort_notification(1).ignored());
  const auto first = alignment.on_barrier(0, barrier(1), 0);
  EXPECT_THAT(first.aborted, ElementsAre(Aborted{1, kToldByCoordinator}));
  EXPECT_FALSE(first.block_channel);
  EXPECT_TRUE(alignment.on_barrier(1, barrier(1), 0).ignored());
}

TEST(ExactlyOnce, AbortNotificationOfANewerCheckpointLeavesTheAligningOneAlone) {
  BarrierAlignment alignment{kExactly, 2};
  alignment.on_barrier(0, barrier(1), 0);
  EXPECT_TRUE(alignment.on_abort_notification(2).ignored());
  EXPECT_TRUE(snapshots(alignment.on_barrier(1, barrier(1), 0), 1));
  EXPECT_THAT(alignment.on_barrier(1, barrier(2), 0).aborted, ElementsAre(Aborted{2, kToldByCoordinator}));
}

TEST(ExactlyOnce, AbortNotificationAfterTheSnapshotIsIgnored) {
  BarrierAlignment alignment{kExactly, 1};
  alignment.on_barrier(0, barrier(1), 0);
  EXPECT_TRUE(alignment.on_abort_notification(1).ignored());
  EXPECT_TRUE(snapshots(alignment.on_barrier(0, barrier(2), 0), 2));
}

TEST(AtLeastOnce, NoChannelWaitsAndCheckpointsOverlap) {
  BarrierAlignment alignment{kAtLeast, 2};
  EXPECT_TRUE(alignment.on_barrier(0, barrier(1, kAtLeast), 0).ignored());
  EXPECT_TRUE(alignment.on_barrier(0, barrier(2, kAtLeast), 0).ignored());
  EXPECT_FALSE(alignment.blocked(0));
  EXPECT_TRUE(snapshots(alignment.on_barrier(1, barrier(1, kAtLeast), 0), 1));
  EXPECT_TRUE(snapshots(alignment.on_barrier(1, barrier(2, kAtLeast), 0), 2));
}

TEST(AtLeastOnce, CompletingOneDropsEarlierOnes) {
  BarrierAlignment alignment{kAtLeast, 2};
  alignment.on_barrier(0, barrier(1, kAtLeast), 0);
  alignment.on_barrier(0, barrier(2, kAtLeast), 0);
  const auto done = alignment.on_barrier(1, barrier(2, kAtLeast), 0);
  EXPECT_TRUE(snapshots(done, 2));
  EXPECT_THAT(done.aborted, ElementsAre(Aborted{1, kNewerBarrier}));
  EXPECT_TRUE(alignment.on_barrier(1, barrier(1, kAtLeast), 0).ignored());
}

TEST(AtLeastOnce, CancelMarkerAbortsItsOwnCheckpointOnly) {
  BarrierAlignment alignment{kAtLeast, 2};
  alignment.on_barrier(0, barrier(1, kAtLeast), 0);
  EXPECT_THAT(alignment.on_cancel_marker(0, 2).aborted, ElementsAre(Aborted{2, kCancelMarker}));
  EXPECT_TRUE(snapshots(alignment.on_barrier(1, barrier(1, kAtLeast), 0), 1));
  EXPECT_TRUE(alignment.on_barrier(1, barrier(2, kAtLeast), 0).ignored());
}

TEST(AtLeastOnce, AbortNotificationBeforeTheBarrierForwardsTheMarkerOnce) {
  BarrierAlignment alignment{kAtLeast, 2};
  alignment.on_abort_notification(1);
  EXPECT_THAT(alignment.on_barrier(0, barrier(1, kAtLeast), 0).aborted, ElementsAre(Aborted{1, kToldByCoordinator}));
  EXPECT_TRUE(alignment.on_barrier(1, barrier(1, kAtLeast), 0).ignored());
}

// Every way in which a few channels can deliver, for each of a few checkpoints, a barrier, a cancel marker or nothing,
// in every interleaving that blocking allows, with an abort notification at every place.
class EveryDelivery {
 public:
  enum Item : int { kBarrier, kMarker, kNothing };

  /// `lossy`: also those in which a channel delivers nothing for a checkpoint. `told`: which one the coordinator
  /// aborts.
  EveryDelivery(CheckpointMode mode, std::size_t channels, CheckpointId ids, bool lossy, CheckpointId told)
      : mode_{mode}, channels_{channels}, ids_{ids}, lossy_{lossy}, told_{told} {}

  std::size_t run() {
    std::vector<std::vector<Item>> script(channels_, std::vector<Item>(ids_));
    each_script(script, 0);
    return runs_;
  }

 private:
  struct Run {
    BarrierAlignment alignment;
    std::vector<CheckpointId> at;  // ids that each channel has delivered or skipped
    bool told = false;
    std::map<CheckpointId, int> ended;
    std::set<CheckpointId> snapshotted;
  };

  void each_script(std::vector<std::vector<Item>>& script, std::size_t place) {
    if (place == channels_ * ids_) {
      explore(script,
              Run{BarrierAlignment{mode_, channels_}, std::vector<CheckpointId>(channels_, 0), told_ == 0, {}, {}});
      return;
    }
    for (const Item item : {kBarrier, kMarker, kNothing}) {
      if (item == kNothing && !lossy_) continue;
      script[place / ids_][place % ids_] = item;
      each_script(script, place + 1);
    }
  }

  void explore(const std::vector<std::vector<Item>>& script, const Run& run) {
    if (::testing::Test::HasFailure()) return;
    bool moved = false;
    bool drained = true;
    if (!run.told) {
      Run next = run;
      next.told = true;
      take(next, next.alignment.on_abort_notification(told_), channels_);
      explore(script, next);
    }
    for (std::size_t channel = 0; channel < channels_; ++channel) {
      if (run.at[channel] == ids_) continue;
      drained = false;
      if (run.alignment.blocked(channel)) continue;
      moved = true;
      Run next = run;
      const CheckpointId id = ++next.at[channel];
      const Item item = script[channel][id - 1];
      if (item == kBarrier) take(next, next.alignment.on_barrier(channel, barrier(id, mode_), 0), channel);
      if (item == kMarker) take(next, next.alignment.on_cancel_marker(channel, id), channel);
      explore(script, next);
    }
    if (!drained && !moved) check_stuck(script, run);
    if (drained && run.told) check_end(script, run);
  }

  void take(Run& run, const AlignmentDecision& decision, std::size_t channel) {
    for (const Aborted& aborted : decision.aborted)
      EXPECT_EQ(++run.ended[aborted.id], 1) << "ended twice: " << aborted.id;
    if (decision.block_channel) {
      EXPECT_EQ(mode_, kExactly);
      EXPECT_TRUE(run.alignment.blocked(channel));
    }
    if (!decision.snapshot) return;
    const CheckpointId id = decision.snapshot->id;
    EXPECT_EQ(++run.ended[id], 1) << "ended twice: " << id;
    EXPECT_TRUE(run.snapshotted.empty() || *run.snapshotted.rbegin() < id) << "out of order";
    run.snapshotted.insert(id);
    for (std::size_t c = 0; c < channels_; ++c) {
      EXPECT_TRUE(mode_ == kExactly ? run.at[c] == id : run.at[c] >= id) << "no consistent cut on channel " << c;
      EXPECT_FALSE(run.alignment.blocked(c));
    }
  }

  bool all_have(const std::vector<std::vector<Item>>& script, CheckpointId id, Item item) const {
    return std::ranges::all_of(script, [&](const auto& channel) { return channel[id - 1] == item; });
  }
  bool any_has(const std::vector<std::vector<Item>>& script, CheckpointId id, Item item) const {
    return std::ranges::any_of(script, [&](const auto& channel) { return channel[id - 1] == item; });
  }

  // All undrained channels are blocked: only because some drained channel never delivered a thing of that id.
  void check_stuck(const std::vector<std::vector<Item>>& script, const Run& run) {
    ++runs_;
    bool lost = false;
    for (CheckpointId id = 1; id <= ids_; ++id) lost |= any_has(script, id, kNothing) && !run.ended.contains(id);
    EXPECT_TRUE(lost) << "deadlock though every channel delivered";
  }

  void check_end(const std::vector<std::vector<Item>>& script, const Run& run) {
    ++runs_;
    for (CheckpointId id = 1; id <= ids_; ++id) {
      const bool whole = all_have(script, id, kBarrier);
      const bool snapshotted = run.snapshotted.contains(id);
      EXPECT_TRUE(any_has(script, id, kNothing) || run.ended.contains(id)) << "checkpoint " << id << " never ended";
      EXPECT_TRUE(!whole || id == told_ || snapshotted) << "checkpoint " << id << " was lost";
      EXPECT_TRUE(whole || !snapshotted) << "checkpoint " << id << " lacks a barrier";
    }
  }

  CheckpointMode mode_;
  std::size_t channels_;
  CheckpointId ids_;
  bool lossy_;
  CheckpointId told_;  // 0: no notification
  std::size_t runs_ = 0;
};

class EveryDeliveryTest : public ::testing::TestWithParam<CheckpointMode> {};

TEST_P(EveryDeliveryTest, TwoChannelsTwoCheckpointsWithLosses) {
  for (CheckpointId told = 0; told <= 2; ++told) EXPECT_GT((EveryDelivery{GetParam(), 2, 2, true, told}.run()), 81U);
}

TEST_P(EveryDeliveryTest, TwoChannelsThreeCheckpoints) {
  for (CheckpointId told = 0; told <= 3; ++told) EXPECT_GT((EveryDelivery{GetParam(), 2, 3, false, told}.run()), 64U);
}

TEST_P(EveryDeliveryTest, ThreeChannelsTwoCheckpoints) {
  for (CheckpointId told = 0; told <= 2; ++told) EXPECT_GT((EveryDelivery{GetParam(), 3, 2, false, told}.run()), 64U);
}

INSTANTIATE_TEST_SUITE_P(Modes, EveryDeliveryTest, ::testing::Values(kExactly, kAtLeast));

}  // namespace
}  // namespace tidemark
