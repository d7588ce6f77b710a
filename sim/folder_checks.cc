#include "sim/folder_checks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <set>
#include <vector>

#include "env/glob.h"
#include "sim/simulated_env.h"
#include "sim/wrong.h"
#include "snapshot/checkpoint_store.h"
#include "snapshot/shared_files.h"

namespace tidemark {
namespace {

constexpr std::string_view kAtTheEnd = "at the end";

void expect_no_leftover_shared(FileSystem& files, const std::string& folder, const CheckpointPointer& current) {
  std::set<std::string> needed;
  for (const RetainedCheckpoint& checkpoint : current.checkpoints) {
    const auto metadata = expect(load_checkpoint(files, path_of(folder, checkpoint)), kAtTheEnd);
    for (const CheckpointMetadata::Operator& op : metadata.operators) {
      for (const OperatorSnapshot& subtask : op.subtasks) {
        for (const SnapshotFile& file : subtask.keyed_files) needed.insert(file.path.substr(file.path.rfind('/') + 1));
        for (const StoreFile& file : subtask.store.files) needed.insert(file.file.path.substr(file.file.path.rfind('/') + 1));
      }
    }
  }
  const auto shared = files.list(join_path(folder, kSharedFolderName));
  if (!shared) return;
  for (const DirectoryEntry& entry : *shared) {
    if (!needed.contains(entry.name)) throw Wrong{fmt::format("'{}' is left over among the shared files", entry.name)};
  }
}

}  // namespace

// Of a job that was drained: all that its sources had read, and nothing else.
std::optional<std::string> find_wrong_output(FileSystem& files, const Workload& workload, const std::string& folder) {
  const auto current = expect(read_pointer_file(files, folder), "the pointer");
  if (!current || current->checkpoints.empty()) return workload.check_finished(files);
  const std::string path = path_of(folder, current->checkpoints.back());
  const auto newest = load_checkpoint(files, path);
  if (!newest) return newest.error().message();
  if (!newest->drained) return workload.check_finished(files);
  if (auto wrong = workload.check_so_far(files)) return wrong;
  return workload.check_checkpoint(files, path, *newest);
}

void expect_whole_savepoint(FileSystem& files, const Workload& workload, const std::string& path) {
  const std::string when = fmt::format("savepoint '{}' is complete", path);
  const CheckpointMetadata metadata = expect(load_checkpoint(files, path), when);
  for (const CheckpointMetadata::Operator& op : metadata.operators) {
    for (const OperatorSnapshot& subtask : op.subtasks) {
      for (const SnapshotFile& file : subtask.keyed_files) {
        if (parent_path(file.path) != path) throw Wrong{fmt::format("{} and needs '{}'", when, file.path)};
      }
      if (!subtask.store.files.empty()) throw Wrong{fmt::format("{} and has files of a store", when)};
    }
  }
  expect_none(workload.check_checkpoint(files, path, metadata), when);
}

CheckpointPointer expect_no_leftover(FileSystem& files, const std::string& folder, std::size_t num_retained) {
  std::vector<std::string> checkpoints;
  for (const DirectoryEntry& entry : expect(files.list(folder), "the checkpoints")) {
    if (entry.is_directory) {
      if (entry.name != kSharedFolderName) checkpoints.push_back(entry.name);
    } else if (entry.name != "CURRENT" && entry.name != "LOCK") {
      throw Wrong{fmt::format("'{}' is left over among the checkpoints", entry.name)};
    }
  }
  if (checkpoints.empty()) throw Wrong{"no checkpoint is left at the end"};
  if (checkpoints.size() > num_retained) {
    throw Wrong{fmt::format("{} checkpoints are left where {} are retained: {}", checkpoints.size(), num_retained, fmt::join(checkpoints, ", "))};
  }
  auto current = expect(read_pointer_file(files, folder), "the pointer");
  if (!current) throw Wrong{"no pointer is left at the end"};
  expect_no_leftover_shared(files, folder, *current);
  return *std::move(current);
}

void tidy_output(FileSystem& files) {
  for (const char* hidden : {"**/.part-*", ".part-*"}) {
    const auto paths = glob(files, join_path(kSimulatedOutputDir, hidden));
    if (!paths) continue;
    for (const std::string& path : *paths) {
      if (!path.ends_with(".owner")) value_or_throw(files.remove(path));
    }
  }
}

}  // namespace tidemark
