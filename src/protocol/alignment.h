// The task's side of a checkpoint: which of its input channels wait, and when the task takes its snapshot.
//
// A task with inputs has one channel per edge that ends in it; a task without inputs has one channel, the coordinator's
// trigger. Every channel is first in, first out, and delivers for each checkpoint either its barrier or a cancel
// marker. A channel ends only with the job (docs/decisions/0002-tasks-stay-until-the-final-checkpoint.md), so there is
// no rule for the end of a channel.
//
// Pure: no I/O, no clock. One owner, one thread. Every call returns a decision that the task carries out at once and
// wholly, in the order of its members.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "tidemark/detail/model/checkpoint.h"

namespace tidemark {

/// Why a task gives a checkpoint up.
enum class AlignmentAbort : std::uint8_t {
  kNewerBarrier,  ///< a channel delivered something of a newer one, so this one's barrier can't come on it any more
  kCancelMarker,  ///< a task upstream gave it up
  kToldByCoordinator,  ///< the coordinator gave it up; it needs no decline
};

struct AlignmentDecision {
  struct Aborted {
    CheckpointId id = 0;
    AlignmentAbort cause = AlignmentAbort::kNewerBarrier;
    friend bool operator==(const Aborted&, const Aborted&) = default;
  };

  /// For each, ids ascending: broadcast a cancel marker downstream, and decline it to the coordinator unless it was the
  /// coordinator that said so. A task sends downstream either the barrier or the marker of a checkpoint, and only once.
  std::vector<Aborted> aborted;
  /// Read all channels again.
  bool resume_all = false;
  /// Read no more of the channel that this call was about until a resume_all.
  bool block_channel = false;
  /// All channels have delivered this barrier: broadcast it, then take the snapshot, before the next record.
  std::optional<Barrier> snapshot;
  /// With a snapshot: from its first barrier to its last.
  std::int64_t alignment_ns = 0;

  /// Nothing to do: go on reading.
  bool ignored() const { return aborted.empty() && !resume_all && !block_channel && !snapshot; }
};

/// Invariants: each id is snapshotted or aborted at most once, and never both; snapshots come in the order of ids; in
/// exactly-once mode a blocked channel has delivered the barrier of the one checkpoint that aligns; when none aligns,
/// no channel is blocked.
class BarrierAlignment {
 public:
  /// `channels` is at least 1. `mode` is the job's: every barrier carries the same.
  BarrierAlignment(CheckpointMode mode, std::size_t channels);

  /// The channel delivered a barrier. In exactly-once mode the channel is not blocked.
  AlignmentDecision on_barrier(std::size_t channel, const Barrier& barrier, std::int64_t now_ns);

  /// The channel delivered a cancel marker: a task upstream gave `id` up.
  AlignmentDecision on_cancel_marker(std::size_t channel, CheckpointId id);

  /// The coordinator gave `id` up. What already aligns ends now; for what hasn't begun the marker goes downstream when
  /// the first barrier or marker of `id` arrives, so that it never overtakes the barrier of an older checkpoint.
  AlignmentDecision on_abort_notification(CheckpointId id);

  bool blocked(std::size_t channel) const { return blocked_[channel]; }
  /// A checkpoint is partly delivered.
  bool aligning() const { return !pending_.empty(); }

 private:
  struct Pending {
    Barrier barrier;
    std::vector<bool> delivered;
    std::size_t missing = 0;
    std::int64_t first_ns = 0;
  };

  void count_for_the_one_under_way(const Barrier& barrier);
  bool is_over(CheckpointId id) const;
  Pending& pending_of(const Barrier& barrier, std::int64_t now_ns);
  void complete(const Pending& pending, std::int64_t now_ns, AlignmentDecision& decision);
  void give_up_older_than(CheckpointId id, AlignmentDecision& decision);
  void give_up(CheckpointId id, AlignmentAbort cause, AlignmentDecision& decision);
  void all_over_up_to(CheckpointId id);
  void unblock_all(AlignmentDecision& decision);

  CheckpointMode mode_;
  std::vector<bool> blocked_;
  std::map<CheckpointId, Pending> pending_;  // exactly once: at most one
  CheckpointId newest_over_ = 0;             // all up to this one are snapshotted, aborted or skipped, but for pending_
  std::set<CheckpointId> aborted_;           // at least once: those above newest_over_
  std::set<CheckpointId> told_aborted_;      // by the coordinator, before anything of them arrived
};

}  // namespace tidemark
