// How far event time had come in each key group of a subtask when its job was restored: what was late there stays late,
// what had fired does not fire again, though the subtask's own watermark starts anew and though its key groups may come
// from several subtasks of before. One owner, no threads.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tidemark/detail/model/checkpoint.h"
#include "tidemark/detail/model/key_group.h"
#include "tidemark/time.h"

namespace tidemark::detail {

class KeyGroupWatermarks {
 public:
  /// Of `own` key groups; those that nothing restores are at -infinity. Where `restored` overlap the highest counts.
  KeyGroupWatermarks(KeyGroupRange own, std::span<const KeyGroupWatermark> restored);

  /// Where the key group had come at the restore. It is one of the subtask's own.
  Timestamp floor_for(std::uint32_t key_group) const {
    return floors_.empty() ? highest_ : floors_[key_group - own_.begin];
  }

  /// No floor is above `watermark` any more, so that it alone decides: to be asked once a batch.
  bool reached_by(Timestamp watermark) const { return watermark >= highest_; }

  /// The lowest and highest floor: of the former a timeline or a timer queue of the whole subtask is restored.
  Timestamp lowest() const { return lowest_; }
  Timestamp highest() const { return highest_; }

  /// For the next snapshot: where each key group is when the subtask is at `watermark`.
  std::vector<KeyGroupWatermark> at(Timestamp watermark) const;

 private:
  KeyGroupRange own_;
  Timestamp lowest_ = Timestamp::min();
  Timestamp highest_ = Timestamp::min();
  std::vector<Timestamp> floors_;  // of own_, in order; empty where all are the same
};

}  // namespace tidemark::detail
