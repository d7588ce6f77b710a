#include "connectors/sink_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "env/crash_point.h"
#include "tidemark/error.h"

namespace tidemark::detail {
namespace {

std::string hidden(const std::string& name, std::string_view state) { return fmt::format(".{}.{}", name, state); }

bool is_number(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// "<subtask>-<attempt>-<n>.<extension>".
bool is_part(std::string_view text) {
  const std::size_t dot = text.find('.');
  if (dot == std::string_view::npos || text.find('.', dot + 1) != std::string_view::npos) return false;
  std::string_view numbers = text.substr(0, dot);
  for (int i = 0; i < 2; ++i) {
    const std::size_t dash = numbers.find('-');
    if (dash == std::string_view::npos || !is_number(numbers.substr(0, dash))) return false;
    numbers.remove_prefix(dash + 1);
  }
  return is_number(numbers);
}

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

std::optional<FileInfo> find_file(FileSystem& files, const std::string& path) {
  auto info = files.stat(path);
  if (info) return *info;
  if (info.error().code() == ErrorCode::kNotFound) return std::nullopt;
  throw info.error();
}

}  // namespace

std::string committed_name(const std::string& prefix, std::uint32_t subtask, std::uint32_t attempt, std::uint64_t number,
                           const std::string& extension) {
  return fmt::format("{}-{}-{}-{}.{}", prefix, subtask, attempt, number, extension);
}

std::string in_progress_name(const std::string& name) { return hidden(name, "inprogress"); }
std::string rewrite_name(const std::string& name) { return hidden(name, "rewrite"); }
std::string pending_name(const std::string& name) { return hidden(name, "pending"); }
std::string owner_name(const std::string& prefix) { return hidden(prefix, "owner"); }

bool is_committed(std::string_view entry, std::string_view prefix) {
  return take_prefix(entry, prefix) && take_prefix(entry, "-") && is_part(entry);
}

bool is_leftover(std::string_view entry, std::string_view prefix) {
  if (!take_prefix(entry, ".")) return false;
  for (const std::string_view state : {".inprogress", ".rewrite", ".pending"}) {
    if (entry.ends_with(state)) return is_committed(entry.substr(0, entry.size() - state.size()), prefix);
  }
  return false;
}

CommitOutcome commit_file(FileSystem& files, const FileCommittable& committable) {
  const std::string from = join_path(committable.directory, pending_name(committable.name));
  const std::string to = join_path(committable.directory, committable.name);
  const auto pending = find_file(files, from);
  const auto committed = find_file(files, to);
  if (!pending) return committed ? CommitOutcome::kAlreadyCommitted : CommitOutcome::kMissing;
  if (committed) {
    throw Error{ErrorCode::kAlreadyExists,
                fmt::format("cannot commit '{}': there is a file '{}' that this sink did not write; move it elsewhere and "
                            "resume with --resume",
                            from, to)};
  }
  if (pending->size != committable.size) {
    throw Error{ErrorCode::kDataLoss,
                fmt::format("'{}' has {} bytes, but its checkpoint says {}: it was changed or is damaged; nothing was removed. "
                            "Put it back, or resume from an older checkpoint with --resume=PATH",
                            from, pending->size, committable.size)};
  }
  crash_point(CrashPoint::kSinkCommitting);
  value_or_throw(files.rename(from, to));
  crash_point(CrashPoint::kSinkRenamed);
  return CommitOutcome::kRenamed;
}

}  // namespace tidemark::detail
