#include "env/file_urls.h"

#include <fmt/format.h>

namespace tidemark {
namespace {

constexpr std::string_view kScheme = "file://";
constexpr std::string_view kRoot = "file:";  // as parent_path() calls what is above file:///data

bool is_url(const std::string& path) { return path.starts_with(kScheme) && path[kScheme.size()] == '/'; }
std::string url_of(const std::string& path) { return std::string{kScheme} + path; }

}  // namespace

std::string without_file_scheme(const std::string& path) { return is_url(path) ? path.substr(kScheme.size()) : path; }

FileUrls::Place FileUrls::find(const std::string& path) const {
  if (path == kRoot) return {local_, "/", true};
  if (!is_url(path)) return {storage_, path, false};
  return {local_, without_file_scheme(path), true};
}

template <class F>
Result<> FileUrls::within_one(const std::string& from, const std::string& to, F&& call) {
  const Place old_name = find(from);
  const Place new_name = find(to);
  if (old_name.is_local == new_name.is_local) return call(old_name.files, old_name.path, new_name.path);
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("'{}' can't become '{}': one is a storage's, the other this machine's", from, to));
}

Result<std::unique_ptr<WritableFile>> FileUrls::create(const std::string& path, CreateMode mode) {
  const Place place = find(path);
  return place.files.create(place.path, mode);
}

Result<std::unique_ptr<ReadableFile>> FileUrls::open(const std::string& path) {
  const Place place = find(path);
  return place.files.open(place.path);
}

Result<FileInfo> FileUrls::stat(const std::string& path) {
  const Place place = find(path);
  return place.files.stat(place.path);
}

Result<std::vector<DirectoryEntry>> FileUrls::list(const std::string& path) {
  const Place place = find(path);
  return place.files.list(place.path);
}

Result<> FileUrls::make_directories(const std::string& path) {
  const Place place = find(path);
  return place.files.make_directories(place.path);
}

Result<> FileUrls::rename(const std::string& from, const std::string& to) {
  return within_one(from, to, [](FileSystem& files, const auto& a, const auto& b) { return files.rename(a, b); });
}

Result<> FileUrls::remove(const std::string& path) {
  const Place place = find(path);
  return place.files.remove(place.path);
}

Result<> FileUrls::remove_directory(const std::string& path) {
  const Place place = find(path);
  return place.files.remove_directory(place.path);
}

Result<> FileUrls::sync_directory(const std::string& path) {
  const Place place = find(path);
  return place.files.sync_directory(place.path);
}

Result<std::unique_ptr<FileLock>> FileUrls::lock(const std::string& path) {
  const Place place = find(path);
  return place.files.lock(place.path);
}

bool FileUrls::keeps_removed_open() const { return storage_.keeps_removed_open() && local_.keeps_removed_open(); }

Result<> FileUrls::link(const std::string& from, const std::string& to) {
  return within_one(from, to, [](FileSystem& files, const auto& a, const auto& b) { return files.link(a, b); });
}

std::string FileUrls::local_path(const std::string& path) const {
  const Place place = find(path);
  return place.files.local_path(place.path);
}

std::string FileUrls::absolute_path(const std::string& path) const {
  const Place place = find(path);
  const std::string absolute = place.files.absolute_path(place.path);
  return place.is_local ? url_of(absolute) : absolute;
}

std::string FileUrls::real_path(const std::string& path) const {
  const Place place = find(path);
  const std::string real = place.files.real_path(place.path);
  return place.is_local ? url_of(real) : real;
}

}  // namespace tidemark
