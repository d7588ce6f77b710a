#include "connectors/sink_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <system_error>

#include "env/crash_point.h"
#include "tidemark/detail/base/probe.h"
#include "tidemark/error.h"

namespace tidemark::detail {
namespace {

std::string hidden(const std::string& name, std::string_view state) { return fmt::format(".{}.{}", name, state); }

template <class Number>
bool take_number(std::string_view& text, Number& number) {
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return false;
  text.remove_prefix(static_cast<std::size_t>(rest - text.data()));
  return true;
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

// "<prefix>-<subtask>-<attempt>-<n>.<extension>".
std::optional<PartName> parse_committed(std::string_view entry, std::string_view prefix) {
  PartName name;
  const bool matches = take_prefix(entry, prefix) && take_prefix(entry, "-") && take_number(entry, name.subtask) &&
                       take_prefix(entry, "-") && take_number(entry, name.attempt) && take_prefix(entry, "-") &&
                       take_number(entry, name.number) && take_prefix(entry, ".") && !entry.contains('.');
  if (!matches) return std::nullopt;
  name.extension = entry;
  return name;
}

bool is_newer(const PartName& file, const std::vector<SinkMark>& marks) {
  if (marks.empty()) return false;  // a checkpoint of a version that had none
  const std::uint32_t attempt = std::ranges::max(marks, {}, &SinkMark::attempt).attempt;
  if (file.attempt != attempt) return file.attempt > attempt;
  return std::ranges::none_of(marks, [&](const SinkMark& mark) {
    return mark.attempt == attempt && mark.subtask == file.subtask && file.number < mark.next_number;
  });
}

bool is_committed(std::string_view entry, std::string_view prefix) { return parse_committed(entry, prefix).has_value(); }

bool is_leftover(std::string_view entry, std::string_view prefix) {
  if (!take_prefix(entry, ".")) return false;
  for (const std::string_view state : {".inprogress", ".rewrite", ".pending"}) {
    if (entry.ends_with(state)) return is_committed(entry.substr(0, entry.size() - state.size()), prefix);
  }
  return false;
}

CommitOutcome check_commit(FileSystem& files, const FileCommittable& committable) {
  const std::string from = join_path(committable.directory, pending_name(committable.name));
  const std::string to = join_path(committable.directory, committable.name);
  const auto pending = find_file(files, from);
  const auto committed = find_file(files, to);
  if (!pending && committed) {
    TIDEMARK_PROBE("sink: a file is committed already");
    return CommitOutcome::kAlreadyCommitted;
  }
  if (!pending) {
    TIDEMARK_PROBE("sink: a file to be committed is gone");
    throw Error{ErrorCode::kDataLoss,
                fmt::format("'{}' is neither pending nor committed, though its checkpoint is complete: {} bytes of results are "
                            "missing. Nothing but this job may touch hidden files in '{}'. If it was taken away after it was "
                            "committed, put it back or an empty file of that name in its place, and resume with --resume; "
                            "else resume from an older checkpoint with --resume=PATH",
                            to, committable.size, committable.directory)};
  }
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
  return CommitOutcome::kRenamed;
}

CommitOutcome commit_file(FileSystem& files, const FileCommittable& committable) {
  if (check_commit(files, committable) == CommitOutcome::kAlreadyCommitted) return CommitOutcome::kAlreadyCommitted;
  crash_point(CrashPoint::kSinkCommitting);
  value_or_throw(files.rename(join_path(committable.directory, pending_name(committable.name)),
                              join_path(committable.directory, committable.name)));
  crash_point(CrashPoint::kSinkRenamed);
  return CommitOutcome::kRenamed;
}

}  // namespace tidemark::detail
