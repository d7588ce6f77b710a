// Which files of a subtask's store lie in the folder that checkpoints share, so that a checkpoint need not save them again.
//
// Only files that a completed checkpoint lists are listed again, and of them only those that each checkpoint in flight lists
// as well, if its store still had them: a file that it has not never comes back. So whichever of them completes, and whichever
// files go with the one before, what a later one lists is there.
//
// The task's thread alone; a plan's `written` is filled by the snapshot's work and read once its checkpoint is complete.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "env/file_system.h"
#include "tidemark/detail/model/checkpoint.h"

namespace tidemark {

class SavedStoreFiles {
 public:
  using Names = std::map<std::string, SnapshotFile, std::less<>>;  // name in the store -> as a checkpoint lists it

  /// `folder` is the shared one, `key_groups` are the subtask's.
  SavedStoreFiles(std::string folder, std::string format, KeyGroupRange key_groups);

  const std::string& folder() const { return folder_; }

  /// The names of the store's states in the order of their places there, which is that in which the data file beside its files
  /// has to list them. Before the first snapshot.
  void set_states(std::vector<std::string> names) { states_ = std::move(names); }
  const std::vector<std::string>& states() const { return states_; }

  struct Plan {
    std::shared_ptr<const Names> saved;
    std::shared_ptr<StoreFiles> written;  ///< what the checkpoint lists; without files yet
  };
  /// A checkpoint is triggered.
  Plan begin(CheckpointId id);
  void completed(CheckpointId id);
  void aborted(CheckpointId id);
  /// The store has begun with these files, of which some may lie in the shared folder.
  void restored(FileSystem& files, const StoreFiles& from);

 private:
  bool is_listed_in_flight(std::string_view name, const SnapshotFile& file) const;

  const std::string folder_;
  const std::string format_;
  const KeyGroupRange key_groups_;
  std::vector<std::string> states_;
  std::shared_ptr<const Names> saved_ = std::make_shared<const Names>();
  std::map<CheckpointId, Plan> in_flight_;
};

}  // namespace tidemark
