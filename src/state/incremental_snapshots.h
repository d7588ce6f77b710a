// The incremental checkpoints of one operator subtask: what each writes, on which files in the shared folder it builds, and
// what of that completed.
//
// The task's thread alone; a WrittenFile is filled by the snapshot's work and read once its checkpoint is complete.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "env/file_system.h"
#include "snapshot/format.h"
#include "state/snapshot_chain.h"
#include "tidemark/detail/model/checkpoint.h"
#include "tidemark/detail/state/changed_since.h"

namespace tidemark {

/// What a snapshot's work has written.
struct WrittenFile {
  std::vector<KeyGroupRange> stripes;
  SnapshotFile file;                 ///< as the checkpoint lists it
  std::vector<std::uint64_t> bytes;  ///< of each stripe, before compression
};

class IncrementalSnapshots {
 public:
  /// `folder` is the shared one, `key_groups` are the subtask's.
  IncrementalSnapshots(std::string folder, KeyGroupRange key_groups, std::uint32_t max_parallelism);

  const std::string& folder() const { return folder_; }
  /// How a checkpoint lists a file of the shared folder: relative to its own.
  static std::string listed(std::string_view name);

  struct Plan {
    std::vector<SnapshotChain::Bound> since;  ///< of each stripe; 0: whole
    std::vector<SnapshotFile> older;          ///< the files that it builds on, as it lists them, oldest first
    std::shared_ptr<WrittenFile> written;
  };
  /// A checkpoint is triggered whose snapshot ends with `bound`.
  Plan begin(CheckpointId id, SnapshotChain::Bound bound);
  void completed(CheckpointId id);
  void aborted(CheckpointId id);
  /// No plan to come asks for what changed since an earlier bound.
  SnapshotChain::Bound oldest_since() const { return chain_.oldest_since(); }

  /// Of a state that knows what changed since `known`; what it doesn't know is written whole.
  detail::ChangedSince changed_since(const Plan& plan, std::uint32_t known) const;
  std::vector<KeyGroupRange> whole(const Plan& plan, std::uint32_t known) const;

  std::size_t stripe_of(std::uint32_t key_group) const;
  std::size_t stripe_count() const { return stripes_.size(); }
  /// The stripes that lie in `whole`, which is ascending.
  std::vector<bool> stripes_within(const std::vector<KeyGroupRange>& whole) const;
  /// True if a file lies in the shared folder itself.
  bool has(FileSystem& files, const std::string& path) const;
  /// Goes on behind these files, which lie in the shared folder; see SnapshotChain.
  void restored(const std::vector<SnapshotFile>& files, const std::vector<std::vector<SnapshotChain::Part>>& parts);

 private:
  // More would make a base more often than it saves much, fewer would make a checkpoint with one much larger than others.
  static constexpr std::uint32_t kMostStripes = 8;

  struct Flight {
    SnapshotChain::FileNumber number;
    std::shared_ptr<WrittenFile> written;
  };

  std::string folder_;
  std::uint32_t max_parallelism_;
  std::vector<KeyGroupRange> stripes_;
  SnapshotChain chain_;
  std::map<SnapshotChain::FileNumber, SnapshotFile> files_;  // of completed checkpoints, that may be needed again
  std::map<CheckpointId, Flight> in_flight_;
};

}  // namespace tidemark
