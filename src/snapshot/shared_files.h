// The folder `shared/` beside the checkpoints of a job: data files that several incremental checkpoints list, each as
// `../shared/<attempt>-<checkpoint>-<rest>.snap` after the checkpoint that wrote it.
//
// A file lives as long as a `_metadata` beside `shared/` lists it. Whoever removes a checkpoint first removes its
// `_metadata`, durably, then what it alone listed: a crash between the two leaves files that nobody lists, which the next
// start of the job removes. Since a checkpoint lists only files of its own and of complete checkpoints that CURRENT named
// when it was taken, what nobody lists will not be listed again.
//
// Threads: any; every call may block on I/O.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "env/file_system.h"
#include "tidemark/detail/model/checkpoint.h"

namespace tidemark {

inline constexpr std::string_view kSharedFolderName = "shared";

/// Which checkpoint wrote a shared file.
struct SharedFileName {
  AttemptId attempt = 0;
  CheckpointId checkpoint = 0;
};

/// Of a name in `shared/`; nothing for names of any other form.
std::optional<SharedFileName> parse_shared_file_name(std::string_view name);

/// The name in `shared/` of a file's path as it stands in `_metadata`; nothing if the path leads elsewhere.
std::optional<std::string_view> shared_name_of(std::string_view path);

/// The names of the shared files that `metadata`, as it was read from its file, lists.
std::set<std::string> shared_files_of(const CheckpointMetadata& metadata);

/// The same of all snapshots that lie in `folder`. An error, if one of them can't be read: then nobody knows.
Result<std::set<std::string>> shared_files_in_use(FileSystem& files, const std::string& folder);

/// Removes those of `names` from the `shared/` in `folder` that no snapshot in `folder` lists.
Result<> remove_unused_shared_files(FileSystem& files, const std::string& folder, std::set<std::string> names);

/// The names in the `shared/` in `folder` that `which` picks; none if there is no such folder.
Result<std::set<std::string>> find_shared_files(FileSystem& files, const std::string& folder,
                                                const std::function<bool(const SharedFileName&)>& which);

}  // namespace tidemark
