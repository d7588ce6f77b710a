#include "env/file_system.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

namespace tidemark {

Result<> FileSystem::link(const std::string& from, const std::string& to) {
  return fail(ErrorCode::kIo, fmt::format("link '{}' to '{}': these files can have one name only; copy the file", from, to));
}

Result<std::string> read_file(FileSystem& files, const std::string& path, std::uint64_t limit) {
  TIDEMARK_ASSIGN(file, files.open(path));
  TIDEMARK_ASSIGN(size, file->size());
  std::string content;
  // One byte more than expected, so that a file which grows meanwhile is read to its end.
  std::uint64_t wanted = std::min(size, limit) + 1;
  while (true) {
    const std::size_t have = content.size();
    content.resize(wanted);
    TIDEMARK_ASSIGN(n, file->read(have, std::span{content.data() + have, content.size() - have}));
    content.resize(have + n);
    if (content.size() > limit) {
      return fail(ErrorCode::kParse,
                  fmt::format("'{}' holds more than {} bytes; that can't be the file meant here", path, limit));
    }
    if (content.size() < wanted) return content;
    wanted = std::min(wanted * 2, limit + 1);
  }
}

std::string temporary_path(const std::string& path) { return path + ".tmp"; }

Result<> replace_file(FileSystem& files, const std::string& path, std::string_view content) {
  const std::string temporary = temporary_path(path);
  const auto write_and_rename = [&]() -> Result<> {
    TIDEMARK_ASSIGN(file, files.create(temporary, CreateMode::kTruncate));
    TIDEMARK_TRY(file->append(content));
    TIDEMARK_TRY(file->sync());
    TIDEMARK_TRY(file->close());
    return files.rename(temporary, path);
  };
  if (auto result = write_and_rename(); !result) {
    std::ignore = files.remove(temporary);
    return result;
  }
  return files.sync_directory(parent_path(path));
}

Result<> make_durable_directories(FileSystem& files, const std::string& path) {
  const auto info = files.stat(path);
  const bool is_there = info && info->is_directory;
  const std::string parent = parent_path(path);
  if (!is_there) {
    if (parent != path) TIDEMARK_TRY(make_durable_directories(files, parent));
    TIDEMARK_TRY(files.make_directories(path));
  }
  // Also for one that is there: who made it may have died before its name was durable. Who may not read the folder above
  // has not made it.
  auto synced = files.sync_directory(parent);
  if (is_there && !synced && synced.error().code() == ErrorCode::kPermissionDenied) return {};
  return synced;
}

Result<> remove_tree(FileSystem& files, const std::string& path) {
  const auto absent = [](const Result<>& result) { return !result && result.error().code() == ErrorCode::kNotFound; };
  const auto info = files.stat(path);
  if (!info && info.error().code() == ErrorCode::kNotFound) return {};
  if (!info) return std::unexpected{info.error()};
  if (!info->is_directory) {
    auto result = files.remove(path);
    return absent(result) ? Result<>{} : result;
  }
  const auto entries = files.list(path);
  if (!entries && entries.error().code() == ErrorCode::kNotFound) return {};
  if (!entries) return std::unexpected{entries.error()};
  for (const DirectoryEntry& entry : *entries) {
    const std::string child = join_path(path, entry.name);
    // A link to a folder is removed as the name it is; what it points to stays.
    auto result = entry.is_directory ? remove_tree(files, child) : files.remove(child);
    if (!result && !absent(result)) return result;
  }
  auto result = files.remove_directory(path);
  return absent(result) ? Result<>{} : result;
}

std::string join_path(std::string_view a, std::string_view b) {
  if (a.empty() || b.starts_with('/')) return std::string{b};
  if (b.empty()) return std::string{a};
  std::string path{a};
  if (!a.ends_with('/')) path += '/';
  path += b;
  return path;
}

std::string parent_path(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return ".";
  path = path.substr(0, slash);
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  return path.empty() ? "/" : std::string{path};
}

}  // namespace tidemark
