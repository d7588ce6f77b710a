// Patterns over paths: one path component after the other, each listing only the folders that the earlier ones matched.
#include <fmt/format.h>

#include <algorithm>

#include "env/file_system.h"
#include "env/glob.h"

namespace tidemark {
namespace {

bool has_wildcard(std::string_view component) { return component.find_first_of("*?[\\") != std::string_view::npos; }

// Whether `c` is in the set at the start of `pattern` ("[a-z]", "[!0-9]"); cuts the set off. A set without an end is a
// plain bracket.
bool match_set(std::string_view& pattern, char c) {
  const std::size_t first = pattern.size() > 1 && (pattern[1] == '!' || pattern[1] == '^') ? 2 : 1;
  const std::size_t end = pattern.find(']', first + 1);
  if (end == std::string_view::npos) {
    pattern.remove_prefix(1);
    return c == '[';
  }
  bool found = false;
  for (std::size_t i = first; i < end; ++i) {
    const auto low = static_cast<unsigned char>(pattern[i]);
    auto high = low;
    if (i + 2 < end && pattern[i + 1] == '-') {
      high = static_cast<unsigned char>(pattern[i + 2]);
      i += 2;
    }
    found = found || (low <= static_cast<unsigned char>(c) && static_cast<unsigned char>(c) <= high);
  }
  pattern.remove_prefix(end + 1);
  return found != (first == 2);
}

// Whether the first character of `pattern` matches `c`; cuts it off.
bool match_one(std::string_view& pattern, char c) {
  if (pattern[0] == '[') return match_set(pattern, c);
  const bool escaped = pattern[0] == '\\' && pattern.size() > 1;
  const bool any = pattern[0] == '?';
  const char expected = escaped ? pattern[1] : pattern[0];
  pattern.remove_prefix(escaped ? 2 : 1);
  return any || expected == c;
}

// Goes back to the last star only, so the time is at most the product of the lengths.
bool matches(std::string_view pattern, std::string_view name) {
  if (name.starts_with('.') && !pattern.starts_with('.')) return false;
  std::string_view after_star;
  std::string_view retry_at;
  bool star = false;
  while (!name.empty()) {
    if (!pattern.empty() && pattern[0] == '*') {
      pattern.remove_prefix(1);
      star = true;
      after_star = pattern;
      retry_at = name;
      continue;
    }
    const char c = name[0];
    if (!pattern.empty() && match_one(pattern, c)) {
      name.remove_prefix(1);
      continue;
    }
    if (!star) return false;
    retry_at.remove_prefix(1);
    pattern = after_star;
    name = retry_at;
  }
  return pattern.find_first_not_of('*') == std::string_view::npos;
}

std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> parts;
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    if (end > begin) parts.push_back(path.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

class Walk {
 public:
  explicit Walk(FileSystem& files, std::span<const std::string_view> parts) : files_{files}, parts_{parts} {}

  /// Adds what matches the parts from `at` on, within the folder `base`.
  Result<> visit(const std::string& base, std::size_t at) {
    const std::string_view part = parts_[at];
    if (part == "**") return visit_any_depth(base, at);
    if (!has_wildcard(part)) return reached(join_path(base, part), at);
    TIDEMARK_ASSIGN(entries, entries_of(base));
    for (const DirectoryEntry& entry : entries) {
      if (matches(part, entry.name)) TIDEMARK_TRY(reached(join_path(base, entry.name), at));
    }
    return {};
  }

  std::vector<std::string> take() {
    std::ranges::sort(found_);
    // "**" before "**" reaches a path in several ways.
    found_.erase(std::ranges::unique(found_).begin(), found_.end());
    return std::move(found_);
  }

 private:
  bool last(std::size_t at) const { return at + 1 == parts_.size(); }

  Result<> reached(const std::string& path, std::size_t at) {
    const auto info = files_.stat(path);
    if (!info) return info.error().code() == ErrorCode::kNotFound ? Result<>{} : std::unexpected{info.error()};
    if (last(at)) {
      found_.push_back(path);
      return {};
    }
    return info->is_directory ? visit(path, at + 1) : Result<>{};
  }

  // Links to folders are not followed here: they may form a ring.
  Result<> visit_any_depth(const std::string& base, std::size_t at) {
    if (!last(at)) TIDEMARK_TRY(visit(base, at + 1));
    TIDEMARK_ASSIGN(entries, entries_of(base));
    for (const DirectoryEntry& entry : entries) {
      if (entry.name.starts_with('.')) continue;
      const std::string path = join_path(base, entry.name);
      if (last(at)) found_.push_back(path);
      if (entry.is_directory) TIDEMARK_TRY(visit_any_depth(path, at));
    }
    return {};
  }

  Result<std::vector<DirectoryEntry>> entries_of(const std::string& base) {
    auto entries = files_.list(base.empty() ? "." : base);
    if (!entries && entries.error().code() == ErrorCode::kNotFound) return std::vector<DirectoryEntry>{};
    return entries;
  }

  FileSystem& files_;
  std::span<const std::string_view> parts_;
  std::vector<std::string> found_;
};

}  // namespace

std::string fixed_folder(const std::string& pattern) {
  const std::size_t wildcard = pattern.find_first_of("*?[\\");
  return parent_path(wildcard == std::string::npos ? pattern : pattern.substr(0, wildcard) + "x");
}

Result<std::vector<std::string>> glob(FileSystem& files, const std::string& pattern) {
  const std::vector<std::string_view> parts = split(pattern);
  std::vector<std::string> found;
  if (!parts.empty()) {
    Walk walk{files, parts};
    TIDEMARK_TRY(walk.visit(pattern.starts_with('/') ? "/" : "", 0));
    found = walk.take();
  }
  if (!found.empty()) return found;
  const std::string folder = fixed_folder(pattern);
  const bool there = files.stat(folder).has_value();
  return fail(ErrorCode::kNotFound, fmt::format("nothing matches '{}'; {}", pattern,
                                                there ? fmt::format("check the pattern against what is in '{}'", folder)
                                                      : fmt::format("there is no folder '{}'", folder)));
}

}  // namespace tidemark
