// What a two-phase sink has prepared and not yet committed.
//
// A sink prepares at each barrier what it wrote since the one before; the committables go into that checkpoint's
// snapshot together with all earlier ones that are not known to be committed. So every snapshot is whole by itself:
// - an aborted checkpoint needs no call here. Its committables stay prepared, the next snapshot contains them, and the
//   next completion commits them. They must be carried on, because the records in them lie before the next checkpoint's
//   barrier and will not be replayed once that one completes;
// - an older checkpoint may be deleted as soon as a newer one completes, whether or not its commits are done;
// - a restored sink commits all that its snapshot holds: the checkpoint was complete. What was prepared after it is
//   nowhere in the snapshot, and its records are replayed.
//
// Pure; one owner, one thread.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <vector>

#include "tidemark/detail/model/checkpoint.h"

namespace tidemark {

/// One thing to commit, handed out when its checkpoint is complete.
struct CommitOrder {
  std::uint64_t sequence = 0;  ///< names it to on_committed(); grows in the order of preparation
  CheckpointId prepared_at = 0;
  std::string committable;
};

/// Invariants: a committable is handed out once, in the order of preparation, and only after a checkpoint whose
/// snapshot contains it is complete; until on_committed() names it, every snapshot contains it.
class CommitLedger {
 public:
  /// Starts from a restored snapshot: returns all its committables as orders. Call at most once, before everything
  /// else.
  [[nodiscard]] std::vector<CommitOrder> restore(CheckpointId restored, std::span<const std::string> committables);

  /// The barrier of `id`, above all before, has arrived and the sink closed these. Take pending() for the snapshot
  /// after.
  void prepare(CheckpointId id, std::span<const std::string> committables);

  /// What a snapshot taken now must contain, in the order of preparation.
  std::vector<std::string> pending() const;
  bool empty() const { return entries_.empty(); }

  /// Checkpoint `id` is complete: what was prepared at it and before and was not handed out yet. A stale or repeated
  /// `id` hands out nothing. A commit that fails is retried by its holder; it stays in every snapshot meanwhile.
  [[nodiscard]] std::vector<CommitOrder> on_complete(CheckpointId id);

  /// The commit of this order is done, for good; orders may be done in any order.
  void on_committed(std::uint64_t sequence);

 private:
  struct Entry {
    CommitOrder order;
    bool handed_out = false;
  };

  std::deque<Entry> entries_;  // ascending by sequence and by prepared_at
  std::uint64_t next_sequence_ = 1;
  CheckpointId newest_prepared_ = 0;
};

}  // namespace tidemark
