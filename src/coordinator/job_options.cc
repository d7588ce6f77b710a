#include "coordinator/job_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <string_view>
#include <utility>

#include "config/options_builder.h"
#include "env/file_urls.h"

namespace tidemark {
namespace {

constexpr const char* kCheckpointDir = "execution.checkpointing.dir";
constexpr const char* kMode = "execution.checkpointing.mode";
constexpr const char* kSavepointDir = "execution.checkpointing.savepoint-dir";
constexpr const char* kRestorePath = "execution.state-recovery.path";
constexpr const char* kClaimMode = "execution.state-recovery.claim-mode";
constexpr const char* kIgnoreUnclaimed = "execution.state-recovery.ignore-unclaimed-state";
constexpr const char* kRestartType = "restart-strategy.type";
constexpr const char* kRestartLimit = "restart-strategy.exponential-delay.attempts-before-reset-backoff";

// What the job's master alone goes by.
constexpr std::array<std::string_view, 15> kOfMasters = {"execution.checkpointing.dir", "execution.checkpointing.interval", "execution.checkpointing.min-pause",
                                   "execution.checkpointing.timeout", "execution.checkpointing.tolerable-failed-checkpoints",
                                   "execution.checkpointing.max-concurrent-checkpoints", "execution.checkpointing.num-retained",
                                   "execution.checkpointing.incremental", "execution.checkpointing.externalized-checkpoint-retention",
                                   "execution.checkpointing.savepoint-dir", "execution.state-recovery.ignore-unclaimed-state",
                                   "execution.state-recovery.lazy", "execution.checkpointing.interval-records",
                                   "execution.checkpointing.interval-bytes", "execution.checkpointing.local-backup.enabled"};

bool is_of_masters(const std::string& key) {
  return key.starts_with("restart-strategy.") || std::ranges::find(kOfMasters, key) != kOfMasters.end();
}

Result<bool> keeps_nothing(const JobOptions& options) {
  OptionsBuilder builder;
  if (const auto mode = options.find(kMode); mode != options.end()) TIDEMARK_TRY(builder.set(kMode, mode->second, "the job's options"));
  TIDEMARK_ASSIGN(read, builder.finish());
  return read.checkpointing.mode == Options::CheckpointMode::kNone;
}

// The cluster's folder has one for each job, so that one that is run twice does not meet itself.
Result<> add_defaults(JobOptions& options, const JobOptions& defaults, const std::string& checkpoints, const std::string& id) {
  const bool names_folder = options.contains(kCheckpointDir);
  const bool names_restart = options.contains(kRestartType);
  // The others its processes have been given, and have said so.
  for (const auto& [key, value] : defaults) {
    if (is_of_masters(key)) options.try_emplace(key, value);
  }
  options.try_emplace(kRestartLimit, "unlimited");
  if (names_folder) return {};
  const std::string dir = options.contains(kCheckpointDir) ? options[kCheckpointDir] : checkpoints;
  options.erase(kCheckpointDir);
  TIDEMARK_ASSIGN(nothing, keeps_nothing(options));
  if (!nothing) options[kCheckpointDir] = fmt::format("{}/{}", dir, id);
  if (nothing && !names_restart) options.erase(kRestartType);  // it can't restart
  return {};
}

}  // namespace

Result<> check_defaults(const JobOptions& defaults) {
  for (const char* const key : {kRestorePath, kClaimMode}) {
    if (defaults.contains(key)) return fail(ErrorCode::kInvalidArgument, fmt::format("{}: no two jobs start from the same: name it when you run one", key));
  }
  return {};
}

std::vector<std::string> with_defaults(const JobOptions& defaults, std::vector<std::string> arguments) {
  std::vector<std::string> all;
  for (const auto& [key, value] : defaults) {
    if (!is_of_masters(key)) all.push_back(fmt::format("--cluster-default={}={}", key, value));
  }
  std::ranges::move(arguments, std::back_inserter(all));
  return all;
}

Result<std::string> path_in_cluster(const std::string& what, const std::string& path) {
  std::string local = without_file_scheme(path);
  if (local.starts_with('/')) return local;
  return fail(ErrorCode::kInvalidArgument, fmt::format("{}: '{}' is no absolute path: name one that the JobManager and all TaskManagers see, as "
                                                       "/path or file:///path",
                                                       what, path));
}

Result<> set_options(JobRecord& record, const RunOrder& order, const JobOptions& defaults, const std::string& checkpoints) {
  JobOptions options = record.description.options;
  if (order.allow_non_restored_state) options[kIgnoreUnclaimed] = "true";
  if (order.claim) options[kClaimMode] = "CLAIM";
  if (!order.savepoint.empty()) options[kRestorePath] = order.savepoint;
  TIDEMARK_TRY(add_defaults(options, defaults, checkpoints, record.id));

  record.restore_path = order.savepoint.empty() ? record.description.restore_path : order.savepoint;
  if (!record.restore_path.empty()) {
    TIDEMARK_ASSIGN(path, path_in_cluster("what the job is to start from", record.restore_path));
    record.restore_path = std::move(path);
    options[kRestorePath] = record.restore_path;
  }
  for (const char* const key : {kCheckpointDir, kSavepointDir}) {
    const auto found = options.find(key);
    if (found == options.end()) continue;
    TIDEMARK_ASSIGN(path, path_in_cluster(key, found->second));
    found->second = std::move(path);
  }
  record.resume = record.description.resume || !record.restore_path.empty();
  record.options = std::move(options);
  TIDEMARK_ASSIGN(checked, options_of(record));
  record.claim = checked.claim;
  return {};
}

Result<Options> options_of(const JobRecord& record) {
  OptionsBuilder builder;
  for (const auto& [key, value] : record.options) TIDEMARK_TRY(builder.set(key, value, "the job's options"));
  if (record.resume) builder.resume(record.restore_path);
  return builder.finish();
}

}  // namespace tidemark
