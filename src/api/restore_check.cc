#include "api/restore_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "env/file_urls.h"
#include "env/posix_file_system.h"
#include "env/storage_file_system.h"
#include "snapshot/checkpoint_store.h"
#include "snapshot/job_folder.h"
#include "snapshot/job_folders.h"
#include "snapshot/snapshot_claim.h"
#include "snapshot/snapshot_file_reader.h"
#include "snapshot/snapshot_folder.h"

namespace tidemark {
namespace {

/// The snapshot that a start would take. A job's folder means what --resume without a path goes on from, and so does the
/// folder of checkpoints around it.
struct Place {
  std::string snapshot;
  std::string job;  ///< the job's folder; empty where the snapshot was named
};

Result<Place> place_of(FileSystem& files, const std::string& path) {
  Place place{.snapshot = snapshot_folder_of(path), .job = {}};
  if (files.stat(join_path(place.snapshot, kMetadataName))) return place;
  if (const auto jobs = job_folders(files, path); jobs && !jobs->empty()) {
    TIDEMARK_ASSIGN(job, job_folder(files, path));
    place.job = std::move(job);
  } else {
    place.job = path;
  }
  TIDEMARK_ASSIGN(pointer, read_pointer_file(files, place.job));
  if (!pointer) return Place{.snapshot = place.snapshot, .job = {}};
  NewestState newest = newest_state(place.job, *pointer);
  if (newest.from == NewestState::From::kNothing) {
    return fail(ErrorCode::kNotFound, fmt::format("the job of '{}' has no complete checkpoint yet", place.job));
  }
  place.snapshot = std::move(newest.path);
  return place;
}

// What the files hold is what will be read, whatever the metadata say of it.
Result<> add_schemas_of_files(FileSystem& files, CheckpointMetadata& checkpoint) {
  for (CheckpointMetadata::Operator& op : checkpoint.operators) {
    for (const OperatorSnapshot& subtask : op.subtasks) {
      for (const SnapshotFile& file : subtask.keyed_files) {
        TIDEMARK_ASSIGN(reader, SnapshotFileReader::open(files, file.path, &file));
        for (const StateDescriptor& state : reader->states()) {
          if (std::ranges::find(op.states, state) == op.states.end()) op.states.push_back(state);
        }
      }
    }
  }
  return {};
}

// What is claimed only its owner starts from. That is known by its folder, so whoever names the snapshot by its path is told.
Result<> add_claim(FileSystem& files, const Place& place, VerdictReport& report) {
  TIDEMARK_ASSIGN(claim, read_claim(files, place.snapshot));
  if (!claim || files.real_path(claim->folder) == files.real_path(place.job)) return {};
  report.problems.push_back(
      fmt::format("It has been claimed by the job '{}' with its checkpoints in '{}': no other can start from it. Name another "
                  "one, or copy it and remove the file '{}' from the copy.",
                  claim->job, claim->folder, kClaimName));
  return {};
}

}  // namespace

Result<VerdictReport> check_restore(FileSystem& files, const LogicalPlan& plan, const RestoreCheck& check) {
  TIDEMARK_ASSIGN(place, place_of(files, check.path));
  TIDEMARK_ASSIGN(checkpoint, load_checkpoint(files, place.snapshot));
  TIDEMARK_TRY(add_schemas_of_files(files, checkpoint));
  VerdictReport report{.saved = fmt::format("checkpoint {} of job '{}' ({})", checkpoint.id, checkpoint.job, place.snapshot),
                       .declared = check.declared,
                       .states = judge(plan, saved_operators(checkpoint)),
                       .unclaimed = check.unclaimed};
  if (checkpoint.job != plan.job) {
    report.problems.push_back(fmt::format("The checkpoint belongs to job '{}', not to '{}': name one of this job.",
                                          checkpoint.job, plan.job));
  }
  TIDEMARK_TRY(add_claim(files, place, report));
  return report;
}

Result<VerdictReport> check_restore(const std::shared_ptr<Storage>& storage, const LogicalPlan& plan,
                                    const RestoreCheck& check) {
  if (storage == nullptr) return check_restore(posix_file_system(), plan, check);
  const std::unique_ptr<FileSystem> far = make_storage_file_system(storage);
  FileUrls files{*far, posix_file_system()};
  return check_restore(files, plan, check);
}

}  // namespace tidemark
