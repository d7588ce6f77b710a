#include "control/control_folder.h"

#include <fmt/format.h>

#include <cstdlib>
#include <utility>

#include "env/file_urls.h"
#include "env/user_files.h"
#include "tidemark/detail/base/hash.h"

namespace tidemark {
namespace {

constexpr const char* kLock = "LOCK";

// The folder of the sockets of all jobs of one --checkpoint-dir, whose last '/' means nothing, nor does a file://.
std::string folder_of_dir(const std::string& root, const std::string& checkpoint_dir) {
  std::string words = without_file_scheme(checkpoint_dir);
  while (words.size() > 1 && words.ends_with('/')) words.pop_back();
  return join_path(root, fmt::format("{:016x}", detail::hash_bytes(words)));
}

}  // namespace

std::string control_root() {
  const char* const named = std::getenv("TIDEMARK_CONTROL_DIR");
  return join_path(named != nullptr && *named != '\0' ? named : "/tmp", fmt::format("tidemark-{}", user_id()));
}

std::string control_folder(const std::string& root, const std::string& checkpoint_dir, const std::string& job) {
  return join_path(folder_of_dir(root, checkpoint_dir), job);
}

Result<std::vector<std::string>> controlled_jobs(FileSystem& files, const std::string& root,
                                                 const std::string& checkpoint_dir) {
  std::vector<std::string> jobs;
  if (!files.stat(root)) return jobs;
  // Whose the root is decides alone: nobody else can put anything below it.
  if (!is_private_folder(root)) {
    return fail(ErrorCode::kPermissionDenied,
                fmt::format("'{}' is no folder of this user's alone, so what answers there may be anybody: remove it, or name another folder by "
                            "TIDEMARK_CONTROL_DIR, for the job and for this command", root));
  }
  const std::string folder = folder_of_dir(root, checkpoint_dir);
  const auto entries = files.list(folder);
  if (!entries && entries.error().code() == ErrorCode::kNotFound) return jobs;
  if (!entries) return std::unexpected{entries.error()};
  for (const DirectoryEntry& entry : *entries) {
    if (files.stat(join_path(join_path(folder, entry.name), kControlSocket))) jobs.push_back(entry.name);
  }
  return jobs;
}

Result<std::unique_ptr<ControlFolder>> ControlFolder::make(FileSystem& files, const std::string& root,
                                                           const std::string& checkpoint_dir, const std::string& job) {
  if (const auto made = make_private_folder(root); !made) {
    return std::unexpected{made.error().within("the folder of control sockets, which TIDEMARK_CONTROL_DIR moves")};
  }
  std::string path = control_folder(root, checkpoint_dir, job);
  TIDEMARK_TRY(files.make_directories(path));
  TIDEMARK_ASSIGN(lock, files.lock(join_path(path, kLock)));
  return std::unique_ptr<ControlFolder>{new ControlFolder{files, std::move(path), std::move(lock)}};
}

ControlFolder::ControlFolder(FileSystem& files, std::string path, std::unique_ptr<FileLock> lock)
    : files_{files}, path_{std::move(path)}, lock_{std::move(lock)} {}

ControlFolder::~ControlFolder() {
  static_cast<void>(files_.remove(join_path(path_, kLock)));
  static_cast<void>(files_.remove_directory(path_));
  static_cast<void>(files_.remove_directory(parent_path(path_)));  // unless other jobs have theirs in it
}

}  // namespace tidemark
