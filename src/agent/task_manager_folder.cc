#include "agent/task_manager_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/log.h"

namespace tidemark {
namespace {

constexpr std::string_view kLockName = "LOCK";
constexpr std::string_view kExecutables = "executables";
constexpr std::string_view kLogs = "logs";
constexpr std::string_view kSockets = "sockets";
constexpr std::string_view kWorkers = "workers";
constexpr std::string_view kCopies = "copies";
constexpr std::string_view kTemporary = "tmp";
constexpr std::string_view kLogSuffix = ".log";
constexpr std::size_t kKeptExecutables = 16;
constexpr std::size_t kMostNameBytes = 200;
constexpr std::size_t kMostSocketBytes = 80;

// A name of its own in a folder, whatever it was.
std::string plain_name(std::string_view name) {
  std::string plain{name.substr(0, kMostNameBytes)};
  std::ranges::replace_if(
      plain,
      [](char c) {
        return !((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
                 c == '-');
      },
      '_');
  return plain.empty() || plain.front() == '.' ? "_" + plain : plain;
}

struct LogFile {
  std::int64_t modified_ms;
  std::uint64_t bytes;
  std::string path;
};

// "orders-3-w1" of "orders-3-w1.log.2".
std::string_view worker_of(std::string_view log) { return log.substr(0, log.rfind(kLogSuffix)); }

void warn_of(const Result<>& result) {
  if (!result) log_warning(result.error().message());
}

}  // namespace

Result<TaskManagerFolder> TaskManagerFolder::open(FileSystem& files, const Clock& clock, const std::string& given_path) {
  TIDEMARK_TRY(files.make_directories(given_path));
  const std::string path = files.absolute_path(given_path);
  auto lock = files.lock(join_path(path, kLockName));
  if (!lock && lock.error().code() == ErrorCode::kFailedPrecondition) {
    return fail(ErrorCode::kFailedPrecondition,
                fmt::format("another TaskManager has the folder '{}': give this one a --dir of its own", path));
  }
  if (!lock) return std::unexpected{lock.error()};
  TIDEMARK_TRY(remove_tree(files, join_path(path, kSockets)));  // of workers before its last end
  for (const std::string_view name : {kLogs, kSockets, kWorkers, kTemporary}) TIDEMARK_TRY(files.make_directories(join_path(path, name)));
  TIDEMARK_ASSIGN(executables, ExecutableStore::open(files, clock, join_path(path, kExecutables)));
  return TaskManagerFolder{files, path, *std::move(lock), std::move(executables)};
}

TaskManagerFolder::TaskManagerFolder(FileSystem& files, std::string path, std::unique_ptr<FileLock> lock,
                                     ExecutableStore executables)
    : files_{&files},
      path_{std::move(path)},
      temporary_{join_path(path_, kTemporary)},
      lock_{std::move(lock)},
      executables_{std::make_unique<ExecutableStore>(std::move(executables))} {}

std::string TaskManagerFolder::place_of(std::string_view job) const {
  return join_path(join_path(path_, kWorkers), plain_name(job));
}

Result<std::string> TaskManagerFolder::make_place(std::string_view job) {
  const std::string place = place_of(job);
  TIDEMARK_TRY(files_->make_directories(place));
  return place;
}

void TaskManagerFolder::clear_place(std::string_view job) { static_cast<void>(files_->remove_directory(place_of(job))); }

std::string TaskManagerFolder::log_of(std::string_view worker) const {
  return join_path(logs(), plain_name(worker) + std::string{kLogSuffix});
}

std::string TaskManagerFolder::logs() const { return join_path(path_, kLogs); }
std::string TaskManagerFolder::sockets() const { return join_path(path_, kSockets); }
// The end of a name tells it from others; a socket's can't be long.
std::string TaskManagerFolder::socket_of(std::string_view worker) const {
  const std::string name = plain_name(worker);
  return join_path(sockets(), name.substr(name.size() - std::min(name.size(), kMostSocketBytes)));
}

// It removes its own, if it ends in order.
void TaskManagerFolder::forget_socket(std::string_view worker) { static_cast<void>(files_->remove(socket_of(worker))); }

std::string TaskManagerFolder::copies_of(std::string_view job_id) const { return join_path(join_path(path_, kCopies), plain_name(job_id)); }

std::vector<std::string> TaskManagerFolder::jobs_with_copies() const {
  std::vector<std::string> jobs;
  for (const DirectoryEntry& entry : files_->list(join_path(path_, kCopies)).value_or(std::vector<DirectoryEntry>{})) jobs.push_back(entry.name);
  return jobs;
}

void TaskManagerFolder::forget_executables(const std::set<std::string>& in_use) {
  const auto all = executables_->list();
  if (!all) return;
  for (const std::string& hash : beyond_newest(*all, kKeptExecutables, in_use)) warn_of(executables_->remove(hash));
}

void TaskManagerFolder::forget_logs(const std::set<std::string>& running, std::uint64_t most_bytes, std::size_t most_files) {
  std::set<std::string> kept;
  for (const std::string& name : running) kept.insert(plain_name(name));
  const std::string folder = logs();
  const auto entries = files_->list(folder);
  if (!entries) return;
  std::vector<LogFile> logs;
  for (const DirectoryEntry& entry : *entries) {
    const std::string path = join_path(folder, entry.name);
    const auto info = files_->stat(path);
    if (info && !kept.contains(std::string{worker_of(entry.name)})) logs.push_back({info->modified_ms, info->size, path});
  }
  std::ranges::sort(logs, std::ranges::greater{}, &LogFile::modified_ms);
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < logs.size(); ++i) {
    bytes += logs[i].bytes;
    if (bytes > most_bytes || i >= most_files) warn_of(files_->remove(logs[i].path));
  }
}

}  // namespace tidemark
