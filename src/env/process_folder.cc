#include "env/process_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/log.h"
#include "env/user_files.h"

namespace tidemark {
namespace {

constexpr std::string_view kFolderPrefix = "tidemark-";
constexpr std::string_view kLockSuffix = ".lock";
constexpr std::size_t kFolderDigits = 16;
// A lock file this young may be that of a process which has made it and is about to lock it.
constexpr std::int64_t kYoungMs = 60'000;

// Whether a process's folder may have this name: another tool's may begin alike.
bool is_folder_name(std::string_view name) {
  return name.size() == kFolderPrefix.size() + kFolderDigits && name.starts_with(kFolderPrefix) &&
         name.find_first_not_of("0123456789abcdef", kFolderPrefix.size()) == std::string_view::npos;
}

// What processes left behind that have ended without their own cleaning up: those whose lock nobody holds.
void remove_left_behind(const Env& env, const std::string& folder) {
  FileSystem& files = *env.files;
  const auto entries = files.list(folder);
  if (!entries) return;
  for (const DirectoryEntry& entry : *entries) {
    if (!entry.name.ends_with(kLockSuffix)) continue;
    const std::string left = entry.name.substr(0, entry.name.size() - kLockSuffix.size());
    const std::string lock_path = join_path(folder, entry.name);
    if (!is_folder_name(left) || !is_user_file(lock_path)) continue;
    const auto beside = std::ranges::find(*entries, left, &DirectoryEntry::name);
    const bool has_folder = beside != entries->end();
    const std::string left_path = join_path(folder, left);
    if (has_folder && !(beside->is_directory && is_user_folder(left_path))) continue;
    const auto info = files.stat(lock_path);
    if (!info || env.clock->wall_ms() - info->modified_ms < kYoungMs) continue;
    const auto lock = files.lock(lock_path);
    if (!lock) continue;
    if (const auto removed = has_folder ? remove_tree(files, left_path) : Result<>{}; !removed) {
      log_warning(removed.error().message());
      continue;
    }
    static_cast<void>(files.remove(lock_path));
  }
}

}  // namespace

Result<std::unique_ptr<ProcessFolder>> ProcessFolder::create(const Env& env, const std::string& within) {
  FileSystem& files = *env.files;
  TIDEMARK_TRY(files.make_directories(within));
  remove_left_behind(env, within);
  const std::string name = fmt::format("{}{:0{}x}", kFolderPrefix, env.random->next(), kFolderDigits);
  const std::string path = files.absolute_path(join_path(within, name));
  TIDEMARK_ASSIGN(lock, files.lock(path + std::string{kLockSuffix}));
  TIDEMARK_TRY(files.make_directories(path));
  if (!keep_for_user(path)) {
    log_warning(fmt::format("other users may be able to read state in '{}': its file system does not keep modes", path));
  }
  return std::unique_ptr<ProcessFolder>{new ProcessFolder{files, path, std::move(lock)}};
}

ProcessFolder::ProcessFolder(FileSystem& files, std::string path, std::unique_ptr<FileLock> lock)
    : files_{files}, path_{std::move(path)}, lock_{std::move(lock)} {}

ProcessFolder::~ProcessFolder() {
  if (const auto removed = remove_tree(files_, path_); !removed) log_warning(removed.error().message());
  static_cast<void>(files_.remove(path_ + std::string{kLockSuffix}));
}

}  // namespace tidemark
