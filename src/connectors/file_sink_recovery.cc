#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <tuple>
#include <vector>

#include "base/log.h"
#include "connectors/list_state.h"
#include "connectors/sink_files.h"
#include "env/crash_point.h"
#include "env/env.h"
#include "tidemark/detail/connectors/file_sink.h"
#include "tidemark/error.h"

namespace tidemark::detail {
namespace {

class FileSinkRecovery {
 public:
  FileSinkRecovery(const FileSinkOptions& options, const SinkRecovery& recovery)
      : options_{options}, recovery_{recovery}, files_{*recovery.env->files} {}

  void run() {
    value_or_throw(make_durable_directories(files_, options_.directory));
    list();
    claim();
    if (!recovery_.restored) refuse_committed();
    commit();
    crash_point(CrashPoint::kRecoveryCommitted);
    remove_leftovers();
  }

 private:
  void list() {
    for (const DirectoryEntry& entry : value_or_throw(files_.list(options_.directory))) {
      if (entry.is_directory) continue;
      if (is_committed(entry.name, options_.prefix)) committed_.push_back(entry.name);
      if (is_leftover(entry.name, options_.prefix)) leftovers_.push_back(entry.name);
    }
  }

  // Whoever finds nothing of the prefix may have it, unless two sinks of one job want it.
  void claim() {
    const std::string path = join_path(options_.directory, owner_name(options_.prefix));
    const std::string job_line = fmt::format("job {}\n", recovery_.job);
    const std::string mine = fmt::format("{}sink {}\n", job_line, recovery_.uid);
    const auto owner = read_file(files_, path);
    if (owner && *owner == mine) return;
    if (!owner && owner.error().code() != ErrorCode::kNotFound) throw owner.error();
    const bool in_use = !committed_.empty() || !leftovers_.empty() || (owner && owner->starts_with(job_line));
    const bool resumed_without_name = !owner && recovery_.restored;
    if (in_use && !resumed_without_name) refuse_foreign(path, owner ? *owner : "");
    value_or_throw(replace_file(files_, path, mine));
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
    throw Error{ErrorCode::kFailedPrecondition,
                fmt::format("'{0}' holds {1} committed file{2} of an earlier run ({3}{4}), and this run starts anew: its records "
                            "would be there twice. Continue the earlier run with --resume, choose another folder, or remove "
                            "'{0}/{5}-*'",
                            options_.directory, committed_.size(), committed_.size() == 1 ? "" : "s", committed_.front(),
                            committed_.size() == 1 ? "" : ", ...", options_.prefix)};
  }

  void commit() {
    std::vector<std::string> directories;
    for (const std::string& bytes : recovery_.committables) {
      FileCommittable file;
      if (!decode_versioned(bytes, file)) {
        throw Error{ErrorCode::kDataLoss, fmt::format("sink '{}': a pending file in the checkpoint can't be decoded; resume from "
                                                      "an older checkpoint with --resume=PATH",
                                                      recovery_.uid)};
      }
      if (commit_file(files_, file) == CommitOutcome::kMissing) {
        log_warning(fmt::format("sink '{}': '{}' of the checkpoint is neither committed nor pending; if nobody took it away "
                                "after it was committed, {} bytes of results are missing",
                                recovery_.uid, join_path(file.directory, file.name), file.size));
        continue;
      }
      if (std::ranges::find(directories, file.directory) == directories.end()) directories.push_back(file.directory);
    }
    // Also for files that were renamed before: the crash may have come before the folder was synced.
    for (const std::string& directory : directories) value_or_throw(files_.sync_directory(directory));
    if (!directories.empty()) crash_point(CrashPoint::kSinkCommitted);
  }

  void remove_leftovers() {
    for (const std::string& name : leftovers_) {
      const auto removed = files_.remove(join_path(options_.directory, name));
      if (!removed && removed.error().code() != ErrorCode::kNotFound) throw removed.error();
    }
  }

  const FileSinkOptions& options_;
  const SinkRecovery& recovery_;
  FileSystem& files_;
  std::vector<std::string> committed_;
  std::vector<std::string> leftovers_;
};

}  // namespace

void recover_file_sink(const FileSinkOptions& options, const SinkRecovery& recovery) {
  FileSinkRecovery{options, recovery}.run();
}

}  // namespace tidemark::detail
