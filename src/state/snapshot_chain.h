// Which part of its state a subtask writes in a checkpoint, and on which files of older ones that checkpoint builds.
//
// The subtask's key groups are cut into stripes, each with a chain of files: a base that holds the stripe whole, then files
// with what changed since the one before. A checkpoint adds one file, which serves all stripes. The chain works as a binary
// counter: the n-th checkpoint writes what changed since checkpoint n - lowbit(n), and the files between go. Bases are
// staggered: once a stripe's changes have grown large beside its base, or its base old, the stripe is written whole, at
// most one in a checkpoint.
//
// Only completed checkpoints are built upon, and of their files only those that each checkpoint in flight keeps as well: so
// whichever of them completes, and whichever files go with the ones before, every file that one names is there.
//
// Pure; one thread. Files are numbers that this class gives out; `Bound` is the epoch that a snapshot ended.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "tidemark/detail/model/checkpoint.h"

namespace tidemark {

class SnapshotChain {
 public:
  using Bound = std::uint32_t;
  using FileNumber = std::uint64_t;

  /// A stripe is written whole when its changes have more than this part of its base's bytes: restoring then reads less
  /// than half as much again as the state has, and a base is paid for by as much that was written as changes.
  static constexpr std::uint64_t kChangesPerBase = 2;
  /// Or when its base is so many checkpoints old, so that no file is needed for ever.
  static constexpr std::uint64_t kOldestBase = 64;
  /// A file holds the changes of at most so many checkpoints: what was erased must be remembered as long.
  static constexpr std::uint64_t kLongestStep = 16;

  explicit SnapshotChain(std::size_t stripes) : completed_(stripes) {}

  struct Plan {
    FileNumber file = 0;            ///< the one that is written
    std::vector<Bound> since;       ///< of each stripe: what changed since then is written; 0: the stripe whole
    std::vector<FileNumber> older;  ///< the others that the checkpoint needs, oldest first
  };
  /// Checkpoint `id` is triggered; its snapshot ends with `bound`.
  Plan begin(CheckpointId id, Bound bound);
  /// Checkpoint `id` stands, and none before it will complete any more. `bytes`: what its file has for each stripe. Does
  /// nothing for a checkpoint that did not begin here.
  void completed(CheckpointId id, const std::vector<std::uint64_t>& bytes);
  void aborted(CheckpointId id);

  /// What a restored checkpoint's file has for a stripe.
  struct Part {
    bool whole = false;
    std::uint64_t bytes = 0;
  };
  /// Goes on behind files that were restored, oldest first, of which the i-th got the number i and ended with bound i + 1.
  /// Instead of any begin() before.
  void restored(const std::vector<std::vector<Part>>& files);

  /// True if a checkpoint to come may name the file.
  bool needs(FileNumber file) const;
  /// No plan to come asks for what changed since an earlier bound.
  Bound oldest_since() const;

 private:
  struct Link {
    FileNumber file = 0;
    std::uint64_t index = 0;  // of its checkpoint, counted from the first one
    Bound bound = 0;
    std::uint64_t bytes = 0;
  };
  using Links = std::vector<Link>;  // of a stripe, the base first
  struct Flight {
    CheckpointId id = 0;
    std::uint64_t index = 0;
    std::vector<Links> stripes;  // the new file last
  };

  Links available(std::size_t stripe) const;
  std::vector<bool> choose_whole(const std::vector<Links>& stripes, std::uint64_t index) const;
  static Bound oldest_since(const Links& links, std::uint64_t index);

  std::vector<Links> completed_;  // of the newest one, a stripe
  std::uint64_t completed_index_ = 0;
  std::vector<Flight> in_flight_;  // by id
  FileNumber next_file_ = 0;
};

}  // namespace tidemark
