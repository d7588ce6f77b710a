// A snapshot's folder on a FileSystem: `_metadata` and the data files that it lists, with paths relative to it. Until
// `_metadata` is there under its name the folder is no snapshot.
//
// Threads: any; every call may block on I/O.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "env/file_system.h"
#include "tidemark/detail/model/checkpoint.h"

namespace tidemark {

inline constexpr std::string_view kMetadataName = "_metadata";

/// The folder that a path of a snapshot means: the folder itself or the `_metadata` in it.
std::string snapshot_folder_of(std::string path);

/// `_metadata` of the snapshot in `folder`, its files' paths as they stand there. kNotFound if there is none.
Result<CheckpointMetadata> read_metadata_file(FileSystem& files, const std::string& folder);

/// After return `metadata` is durable in `folder`, under its name; before, it is there whole or not at all.
Result<> write_metadata_file(FileSystem& files, const std::string& folder, const CheckpointMetadata& metadata);

/// After return there is durably no `_metadata` in `folder`, and so no snapshot; no error if there was none.
Result<> remove_metadata_file(FileSystem& files, const std::string& folder);

/// Makes `<dir>/savepoint-<first 6 characters of job>-<random>` and returns its absolute path. The name becomes durable
/// when somebody syncs `dir`.
Result<std::string> make_savepoint_folder(FileSystem& files, const std::string& dir, std::string_view job,
                                          std::uint64_t random);

/// Deletes a snapshot, or what is left of one: `_metadata` first and durably, then the files that Tidemark has put
/// there, then the folder if nothing else lies in it. No error if it is not there.
Result<> delete_snapshot_folder(FileSystem& files, const std::string& folder);

}  // namespace tidemark
