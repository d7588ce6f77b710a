#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <tuple>
#include <vector>

#include "connectors/list_state.h"
#include "connectors/sink_files.h"
#include "env/crash_point.h"
#include "env/env.h"
#include "tidemark/detail/base/planted_bug.h"
#include "tidemark/detail/base/probe.h"
#include "tidemark/detail/connectors/file_sink.h"
#include "tidemark/error.h"

namespace tidemark::detail {
namespace {

constexpr std::size_t kFilesNamed = 20;

class FileSinkRecovery {
 public:
  FileSinkRecovery(const FileSinkOptions& options, const SinkRecovery& recovery)
      : options_{options}, recovery_{recovery}, files_{*recovery.env->files} {}

  void run() {
    if (recovery_.only_checks) return check();
    value_or_throw(make_durable_directories(files_, options_.directory));
    list();
    claim();
    refuse_rows();
    commit();
    crash_point(CrashPoint::kRecoveryCommitted);
    remove_leftovers();
  }

 private:
  /// Changes nothing.
  void check() {
    if (const auto there = files_.stat(options_.directory); !there) {
      if (there.error().code() != ErrorCode::kNotFound) throw there.error();
    } else {
      list();
      claim();
      refuse_rows();
    }
    for (const std::string& bytes : recovery_.committables) check_commit(files_, decode(bytes));
  }

  void refuse_rows() {
    if (recovery_.restored) {
      refuse_newer();
    } else {
      refuse_committed();
    }
  }

  void list() {
    for (const DirectoryEntry& entry : value_or_throw(files_.list(options_.directory))) {
      if (entry.is_directory) continue;
      if (is_committed(entry.name, options_.prefix)) committed_.push_back(entry.name);
      if (is_leftover(entry.name, options_.prefix)) leftovers_.push_back(entry.name);
      if (entry.name == temporary_owner_name()) has_temporary_owner_ = true;
    }
  }

  // Whoever finds nothing of the prefix may have it, unless two sinks of one job want it.
  void claim() {
    const std::string path = join_path(options_.directory, owner_name(options_.prefix));
    const std::string job_line = fmt::format("job {}\n", recovery_.job);
    const std::string mine = fmt::format("{}sink {}\n", job_line, recovery_.uid);
    const auto owner = read_file(files_, path);
    // Of whoever claimed it, nobody knows whether the name became durable before it died.
    if (owner && *owner == mine) {
      if (!recovery_.only_checks) value_or_throw(files_.sync_directory(options_.directory));
      return;
    }
    if (!owner && owner.error().code() != ErrorCode::kNotFound) throw owner.error();
    const bool in_use = !committed_.empty() || !leftovers_.empty() || (owner && owner->starts_with(job_line));
    const bool resumed_without_name = !owner && recovery_.restored;
    if (in_use && !resumed_without_name) refuse_foreign(path, owner ? *owner : "");
    if (!recovery_.only_checks) value_or_throw(replace_file(files_, path, mine));
  }

  [[noreturn]] void refuse_foreign(const std::string& path, std::string owner) {
    std::ranges::replace(owner, '\n', ' ');
    const std::string whose =
        owner.empty() ? "of unknown origin" : fmt::format("of another sink ({})", owner.substr(0, owner.size() - 1));
    throw Error{ErrorCode::kFailedPrecondition,
                fmt::format("sink '{0}' of job '{1}' can't write to '{2}' with the prefix '{3}': these files are {4}. Choose "
                            "another folder, or another prefix with .prefix(\"...\"); if they are not needed any more, remove "
                            "'{2}/{3}-*' and '{5}'",
                            recovery_.uid, recovery_.job, options_.directory, options_.prefix, whose, path)};
  }

  void refuse_committed() {
    if (committed_.empty()) return;
    TIDEMARK_PROBE("sink recovery: a new run is refused where committed files lie");
    throw Error{ErrorCode::kFailedPrecondition,
                fmt::format("'{0}' holds {1} committed file{2} of an earlier run ({3}{4}), and this run starts anew: its records "
                            "would be there twice. Continue the earlier run with --resume if it left a checkpoint, choose another folder, or remove "
                            "'{0}/{5}-*'",
                            options_.directory, committed_.size(), committed_.size() == 1 ? "" : "s", committed_.front(),
                            committed_.size() == 1 ? "" : ", ...", options_.prefix)};
  }

  // The checkpoint's own files may be committed or not, depending on when the run before ended.
  void refuse_newer() {
    OperatorRestore restored;
    restored.list_states = recovery_.list_states;
    const auto marks = list_items<SinkMark>(restored, kSinkMarks, {"write files", recovery_.uid, 0});
    std::vector<std::string> newer;
    for (const std::string& name : committed_) {
      const auto part = parse_committed(name, options_.prefix);
      if (part && is_newer(*part, marks)) newer.push_back(name);
    }
    if (newer.empty()) return;
    TIDEMARK_PROBE("sink recovery: files of a newer checkpoint are refused");
    const std::size_t named = std::min(newer.size(), kFilesNamed);
    std::string names = fmt::format("{}", fmt::join(newer.begin(), newer.begin() + static_cast<std::ptrdiff_t>(named), ", "));
    if (newer.size() > named) names += fmt::format(" and {} more", newer.size() - named);
    throw Error{ErrorCode::kFailedPrecondition,
                fmt::format("sink '{0}': '{1}' holds {2} file{3} that a newer checkpoint than the one to resume from has "
                            "committed: {4}. The rows in them would be written a second time. Resume from the newest "
                            "checkpoint with --resume, write to another folder, or delete these files",
                            recovery_.uid, options_.directory, newer.size(), newer.size() == 1 ? "" : "s", names)};
  }

  void commit() {
    std::vector<std::string> directories;
    for (const std::string& bytes : recovery_.committables) {
      const FileCommittable file = decode(bytes);
      const CommitOutcome outcome = commit_file(files_, file);
      if (outcome == CommitOutcome::kRenamed) TIDEMARK_PROBE("sink recovery: a pending file is committed");
      if (outcome == CommitOutcome::kAlreadyCommitted && planted(PlantedBug::kCommitTwiceAfterRecovery)) publish_again(file);
      if (std::ranges::find(directories, file.directory) == directories.end()) directories.push_back(file.directory);
    }
    // Also for files that were renamed before: the crash may have come before the folder was synced.
    for (const std::string& directory : directories) value_or_throw(files_.sync_directory(directory));
    if (!directories.empty()) crash_point(CrashPoint::kSinkCommitted);
  }

  FileCommittable decode(const std::string& bytes) const {
    FileCommittable file;
    if (decode_versioned(bytes, file)) return file;
    throw Error{ErrorCode::kDataLoss, fmt::format("sink '{}': a pending file in the checkpoint can't be decoded; resume from "
                                                  "an older checkpoint with --resume=PATH",
                                                  recovery_.uid)};
  }

  // The planted bug: under the name that the starting attempt would give it.
  void publish_again(const FileCommittable& file) {
    const auto part = parse_committed(file.name, options_.prefix);
    if (!part) return;
    const std::string content = value_or_throw(read_file(files_, join_path(file.directory, file.name)));
    const std::string name =
        committed_name(options_.prefix, part->subtask, recovery_.attempt, part->number, part->extension);
    value_or_throw(replace_file(files_, join_path(file.directory, name), content));
  }

  void remove_leftovers() {
    if (!leftovers_.empty()) TIDEMARK_PROBE("sink recovery: leftovers are removed");
    for (const std::string& name : leftovers_) remove(name);
    if (has_temporary_owner_) remove(temporary_owner_name());
  }

  void remove(const std::string& name) {
    const auto removed = files_.remove(join_path(options_.directory, name));
    if (!removed && removed.error().code() != ErrorCode::kNotFound) throw removed.error();
  }

  // No sign that anybody has used the prefix.
  std::string temporary_owner_name() const { return temporary_path(owner_name(options_.prefix)); }

  const FileSinkOptions& options_;
  const SinkRecovery& recovery_;
  FileSystem& files_;
  std::vector<std::string> committed_;
  std::vector<std::string> leftovers_;
  bool has_temporary_owner_ = false;  // a machine has died as that was written
};

}  // namespace

void recover_file_sink(const FileSinkOptions& options, const SinkRecovery& recovery) {
  FileSinkRecovery{options, recovery}.run();
}

}  // namespace tidemark::detail
