// Incremental checkpoints in small, for the tests of this room: chains of files in `shared/`, each with its own name as its
// content.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "snapshot/checkpoint_samples.h"
#include "snapshot/checkpoint_store.h"
#include "snapshot/shared_files.h"
#include "snapshot/snapshot_folder.h"
#include "tidemark/detail/base/hash.h"

namespace tidemark {

using Chain = std::vector<SnapshotFile>;

inline Chain& chain_of(CheckpointMetadata& metadata) { return metadata.operators[1].subtasks[0].keyed_files; }

/// As a task writes it: durable but for its name.
inline Result<SnapshotFile> write_shared(FileSystem& files, const CheckpointStore& store, CheckpointId id) {
  const std::string name = std::to_string(store.attempt()) + "-" + std::to_string(id) + "-count-0.snap";
  TIDEMARK_ASSIGN(file, files.create(join_path(store.shared_folder(), name), CreateMode::kExclusive));
  TIDEMARK_TRY(file->append(name));
  TIDEMARK_TRY(file->sync());
  TIDEMARK_TRY(file->close());
  return SnapshotFile{"../shared/" + name, name.size(), detail::hash_bytes(name), {0, 32}};
}

/// Builds upon `chain`, leaving out its last `dropped` files; the new chain goes there when the checkpoint is complete.
inline Result<> take_incremental(FileSystem& files, CheckpointStore& store, CheckpointId id, Chain& chain,
                                 std::size_t dropped = 0, const std::vector<RetainedCheckpoint>& drop = {}) {
  TIDEMARK_TRY(store.prepare(id));
  CheckpointMetadata metadata = sample_metadata(id, store.attempt());
  metadata.kind = CheckpointKind::kPeriodic;
  Chain next{chain.begin(), chain.end() - static_cast<std::ptrdiff_t>(std::min(dropped, chain.size()))};
  TIDEMARK_ASSIGN(file, write_shared(files, store, id));
  next.push_back(std::move(file));
  chain_of(metadata) = next;
  TIDEMARK_TRY(store.complete(metadata, drop));
  chain = std::move(next);
  return {};
}

/// The chain of the checkpoint in `folder`, as its metadata have it.
inline Chain read_chain(FileSystem& files, const std::string& folder) {
  CheckpointMetadata metadata = value_or_throw(read_metadata_file(files, folder));
  return chain_of(metadata);
}

inline std::set<std::string> names_in_shared(FileSystem& files, const std::string& jobs_folder) {
  return value_or_throw(find_shared_files(files, jobs_folder, [](const SharedFileName&) { return true; }));
}

/// Throws unless the checkpoint in `folder` is whole, down to its files' content.
inline CheckpointMetadata load_whole(FileSystem& files, const std::string& folder) {
  CheckpointMetadata metadata = value_or_throw(load_checkpoint(files, folder));
  for (const SnapshotFile& file : chain_of(metadata)) {
    if (detail::hash_bytes(value_or_throw(read_file(files, file.path))) != file.checksum) {
      throw Error{ErrorCode::kDataLoss, file.path + " has another content"};
    }
  }
  return metadata;
}

}  // namespace tidemark
