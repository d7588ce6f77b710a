// A job's folder `<dir>/<job>` of checkpoints on a FileSystem: LOCK, CURRENT (the pointer), a folder
// `chk-<id>-<attempt>` a checkpoint with data files and `_metadata`, and `shared/` for data files of incremental
// checkpoints (shared_files.h).
//
// A checkpoint is complete when CURRENT names it, not before. CURRENT also holds the attempt number: a store whose
// attempt is no longer the one in the file (a zombie) can neither complete nor remove anything. The newest checkpoint
// in CURRENT is never removed, and nothing is removed before CURRENT durably stopped naming it.
//
// A savepoint has a folder of its own elsewhere and belongs to the user: CURRENT names it only if the job stopped with
// it, and it is never removed when CURRENT stops naming it. A snapshot from elsewhere that the job has claimed stands in
// CURRENT, too, and is removed as its own checkpoints are. Threads: any; every call but the plain getters may block on
// I/O. The store holds LOCK for its lifetime.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "env/env.h"
#include "snapshot/checkpoint_pointer.h"
#include "snapshot/job_folder.h"
#include "snapshot/metadata.h"

namespace tidemark {

/// What a starting job continues from.
struct Resume {
  enum class Kind {
    kNone,    ///< nothing: a folder that was used is refused
    kLatest,  ///< the newest complete checkpoint, or what a run behind it restored; anew where there is neither
    kPath,    ///< the checkpoint in the folder `path`, whether or not a pointer ever named it
  };
  Kind kind = Kind::kNone;
  std::string path;
  /// kPath: a random number under which the job claims what it restores, unless that lies in its own folder. None: what
  /// it restores belongs to somebody else and is never touched.
  std::optional<std::uint64_t> claim = std::nullopt;
};

class CheckpointStore {
 public:
  /// Locks the folder (kFailedPrecondition if another process has it) and finds what to restore, verified as far as
  /// `_metadata` and the sizes of all files go. Writes nothing but LOCK. A damaged or newer checkpoint is refused, with
  /// an older intact one named in the message.
  static Result<std::unique_ptr<CheckpointStore>> open(FileSystem& files, const std::string& dir,
                                                       const std::string& job, const Resume& resume);

  /// `<dir>/<job>`.
  const std::string& folder() const { return folder_; }
  /// Makes the next attempt number durable, before anything else is written; from here on older attempts are fenced.
  /// Claims what Resume says; where that is refused nothing has changed. To be called again for each restart of the job.
  Result<AttemptId> begin_attempt();
  AttemptId attempt() const;
  /// Takes back what begin_attempt() has noted for a start that was then refused: a folder that nothing had run in counts as
  /// unused, and what this store has claimed is whose it was. The attempt's number stays taken, so that it fences as any. To be
  /// called, last of all, where no attempt of this store came so far that a sink might change something.
  Result<> withdraw();

  /// What an attempt starts from: the newest complete checkpoint of this folder or, until one was completed since the
  /// opening, the one that Resume::kPath named; nothing if the job starts anew. Verified as by open(); file paths are
  /// such as the FileSystem opens. Sinks may commit what it holds only after begin_attempt(), which makes the pointer
  /// durable that a crash may have left half way.
  Result<std::optional<CheckpointMetadata>> restorable();
  /// Its folder, for messages; empty if the job starts anew.
  std::string restorable_path() const;
  /// `error`, which restoring from restorable() met, with an older intact checkpoint offered in its message if there is
  /// one.
  Error offer_older(const Error& error) const;

  /// Larger than every id that was completed in this folder or restored.
  CheckpointId next_checkpoint_id() const;
  std::vector<RetainedCheckpoint> retained() const;

  /// The folder of a checkpoint of this attempt.
  std::string checkpoint_path(CheckpointId id) const;
  /// Makes that folder.
  Result<> prepare(CheckpointId id);
  /// The folder of files that several checkpoints share, as load_checkpoint() names it.
  std::string shared_folder() const;
  /// Makes that folder, durably.
  Result<> prepare_shared_folder();
  /// Makes a savepoint's folder in `dir`; the same `random` gives the same name. Its absolute path.
  Result<std::string> prepare_savepoint(const std::string& dir, std::uint64_t random);

  /// Makes `metadata` (of this attempt, file paths relative to its folder; files already synced) the newest complete
  /// checkpoint: `_metadata` durable, then the pointer moves, which at the same time stops naming those in `drop`.
  /// kFailedPrecondition if another attempt has begun. After any other error the pointer may or may not have moved;
  /// both are consistent, and discard(), restorable() and the next complete() know.
  Result<> complete(const CheckpointMetadata& metadata, const std::vector<RetainedCheckpoint>& drop = {});

  /// Whether the pointer, as it now is, names this checkpoint of this attempt: what a failed complete() came to. Durable it
  /// is for certain only after the next pointer was written. kFailedPrecondition if another attempt has begun.
  Result<bool> is_complete(CheckpointId id) const;

  /// Deletes a complete checkpoint (dropped from the pointer first, if it is still there) or what an aborted one left.
  /// Metadata first, then files, then what no other checkpoint shares with it. kFailedPrecondition for the newest one, for
  /// the one that restorable() names, and for a zombie. No error if it is not there.
  Result<> remove(CheckpointId id, AttemptId attempt);
  /// Deletes what an aborted checkpoint of this attempt left; does nothing if the pointer names it after all.
  Result<> discard(CheckpointId id);
  /// The same of a savepoint, in `folder`.
  Result<> discard_savepoint(const std::string& folder);
  /// Deletes the snapshots that this job claimed and that `num_retained` checkpoints have replaced, and what an earlier
  /// run, which may have kept fewer, left of one that it was deleting.
  Result<> remove_claimed(std::size_t num_retained);
  /// Whether there are claimed snapshots that so many checkpoints have replaced: with 1, whether an earlier run may have
  /// begun to delete one. No I/O.
  bool has_replaced_claims(std::size_t num_retained) const;
  /// Deletes all complete checkpoints in the folder and what the job has claimed; savepoints stay. The store is of no
  /// use after that.
  Result<> remove_all();
  /// Makes durable what Resume::kPath named, for a Resume::kLatest before a checkpoint has replaced it. To be called once the
  /// job runs: a start that is refused leaves what there was. Does nothing if there is nothing to tell.
  Result<> remember_restored();
  /// Deletes the checkpoint folders of older attempts that the pointer doesn't name, except the restored one and what
  /// another job has claimed, and their shared files that no checkpoint lists; leaves alone all else that lies in the
  /// folder. To be called once the job runs. The number of folders removed.
  Result<std::uint32_t> remove_orphans();
  /// Deletes the shared files of this attempt, too, that no checkpoint lists: tasks may have written on after discard().
  /// To be called when none does any more and no checkpoint of this attempt may yet be completed.
  Result<> remove_unused_files();

 private:
  friend class CompleteCheckpoint;

  CheckpointStore(FileSystem& files, std::string folder, std::string job, std::unique_ptr<FileLock> lock);

  struct CheckpointName {
    CheckpointId id = 0;
    AttemptId attempt = 0;
  };
  struct Explicit {
    std::string path;
    CheckpointId id = 0;
    AttemptId attempt = 0;
    std::string token;  // to claim it with; empty: not at all
  };
  using Locks = std::vector<std::unique_ptr<FileLock>>;

  Result<> find_restorable(const Resume& resume);
  Result<> refuse_if_used() const;
  Result<> use_latest(bool has_pointer);
  Result<> use_restored();
  void warn_of_newer_state() const;
  Result<> use_path(const std::string& path, std::optional<std::uint64_t> claim);
  bool lies_in_own_folder(const std::string& path) const;
  std::string own_token(const std::string& path) const;
  bool is_same(const std::string& path, const ClaimedSnapshot& claimed) const;
  Result<Locks> lock_to_claim(const Explicit& wanted) const;
  Result<> give_up_claim(const Explicit& restored, CheckpointPointer& next);
  Result<> withdraw_claim(const Explicit& claimed, CheckpointPointer& next);
  Result<std::optional<CheckpointPointer>> read_pointer() const;
  /// kFailedPrecondition if the file holds another attempt than `attempt`.
  Result<CheckpointPointer> read_own_pointer(AttemptId attempt) const;
  Result<> write_pointer(const CheckpointPointer& pointer);
  void adopt(CheckpointPointer pointer);
  Result<> delete_checkpoint_folder(const std::string& path);
  bool stays(const CheckpointName& name, const CheckpointPointer& pointer) const;
  Result<std::vector<CheckpointName>> checkpoint_folders() const;
  std::string newest_intact_folder() const;
  Error offer_any_intact(const Error& error) const;
  static Error offer(const Error& error, const std::string& path);
  std::string path_of(CheckpointId id, AttemptId attempt) const;
  std::string newest_path() const;
  Result<> move_pointer(const CheckpointMetadata& metadata, const std::string& savepoint_folder,
                        const std::vector<RetainedCheckpoint>& drop);

  FileSystem& files_;
  const std::string folder_;
  const std::string job_;
  const std::unique_ptr<FileLock> lock_;

  mutable std::mutex mutex_;   // guards CURRENT from reading to replacing it, and what follows
  CheckpointPointer pointer_;  // as last read or written
  AttemptId attempt_ = 0;
  CheckpointPointer opened_;                // what the file held then; later attempts are this store's
  std::optional<AttemptId> tried_attempt_;  // what begin_attempt() last wrote or tried to
  std::optional<Explicit> explicit_;  // what Resume::kPath named, until this store completes a checkpoint
};

/// CheckpointStore::complete() in steps, for the simulator to delay and crash between them.
class CompleteCheckpoint {
 public:
  /// `savepoint_folder`: of a savepoint; one of kSavepoint is complete when it is durable, and the pointer stays.
  CompleteCheckpoint(CheckpointStore& store, CheckpointMetadata metadata, std::vector<RetainedCheckpoint> drop = {},
                     std::string savepoint_folder = {});
  /// kDone: the checkpoint is complete. After an error: never again.
  Result<Progress> step();
  /// The next step moves the pointer. An error of a step before it is certain not to have moved it.
  bool moves_pointer() const { return stage_ == Stage::kMovePointer; }

 private:
  /// What the next step does.
  enum class Stage {
    kSyncShared,     ///< the names of the files it shares become durable, where there are any
    kWriteMetadata,  ///< `_metadata` becomes durable, with its folder
    kSyncFolder,     ///< the name of the checkpoint's folder becomes durable
    kMovePointer,    ///< the checkpoint becomes complete
  };
  CheckpointStore& store_;
  CheckpointMetadata metadata_;
  std::vector<RetainedCheckpoint> drop_;
  std::string savepoint_folder_;
  Stage stage_ = Stage::kSyncShared;
};

/// Reads and verifies `_metadata` in `folder`, with the sizes of all files it names; their paths become such as the
/// FileSystem opens: those of shared files absolute.
Result<CheckpointMetadata> load_checkpoint(FileSystem& files, const std::string& folder);

}  // namespace tidemark
