// Whose the snapshots are that the running job may find beside its own: savepoints, and the checkpoints of folders that
// it has left. What belongs to somebody else must stay as it is, byte for byte, whatever happens to the job. What the
// job has claimed, and what somebody has asked to delete, may go at any moment, and in the end it is gone with all its
// files.
//
// One thread. It looks at files while an Observer lives and changes none.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "env/file_system.h"
#include "snapshot/checkpoint_pointer.h"

namespace tidemark {

class Ownership {
 public:
  explicit Ownership(FileSystem& files) : files_{&files} {}

  /// A complete snapshot that nobody may touch. What is wrong with it, if anything.
  std::optional<std::string> add(const std::string& path);
  /// The running job's from now on, if it is known here.
  void claim(const std::string& path);
  /// The job has thought better of it: what it claimed is nobody's who runs.
  void give_up(const std::string& path);
  /// The job was asked to claim some, and may never have come to that: those that nobody has claimed are nobody's who runs.
  void give_up_unclaimed();
  /// Somebody asks for its deletion.
  void dispose(const std::string& path);
  /// The job that ran in `folder` goes on elsewhere: all that its pointer names, and what it has claimed and not
  /// deleted yet, is somebody else's from now on.
  std::optional<std::string> leave(const std::string& folder);
  /// The job goes on in `folder` again: the checkpoints there are its own.
  void come_back(const std::string& folder);

  /// Nobody asks for others any more.
  void keep_only(const std::vector<std::string>& paths);

  /// Snapshots that belong to nobody who runs and are there.
  std::vector<std::string> of_others() const;
  /// Those whose deletion somebody has asked for.
  std::vector<std::string> disposed() const;
  bool is_claimed(const std::string& path) const;

  /// At any moment.
  std::optional<std::string> find_touched() const;
  /// At the end: `pointer` is the job's. What it still names as its claims is there, all else that was claimed is gone.
  /// Of what was to be deleted on request there is no snapshot any more: where a crash came between, data may lie
  /// there.
  std::optional<std::string> find_unsettled(const CheckpointPointer& pointer) const;

 private:
  enum class Owner : std::uint8_t {
    kOther,   ///< nobody who runs
    kJob,     ///< the running job has claimed it, or is about to
    kNobody,  ///< it is to be deleted
  };
  struct Snapshot {
    Owner owner = Owner::kOther;
    std::uint64_t digest = 0;  ///< of all its files, when it was complete
  };

  FileSystem* files_;
  std::map<std::string, Snapshot> snapshots_;  // by folder
};

}  // namespace tidemark
