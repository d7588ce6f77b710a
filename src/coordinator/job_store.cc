#include "coordinator/job_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <string_view>
#include <utility>

#include "base/log.h"
#include "control/described_value.h"

namespace tidemark {
namespace {

constexpr std::string_view kLockName = "LOCK";
constexpr std::string_view kEpochName = "EPOCH";
constexpr std::string_view kJobsName = "jobs";
constexpr std::string_view kDamagedSuffix = ".damaged";
constexpr std::size_t kIdDigits = 32;

// What was read and makes no sense; what the disk does not give today it may give tomorrow, and what this version can't read another can.
bool is_damage(const Error& error) { return error.code() == ErrorCode::kDataLoss || error.code() == ErrorCode::kParse; }

// Others' files, and those that were set aside, have other names.
bool is_id(std::string_view name) { return name.size() == kIdDigits && name.find_first_not_of("0123456789abcdef") == std::string_view::npos; }

/// Shown in the place of the record that lies at `aside`.
JobRecord stand_in(const std::string& id, const std::string& aside) {
  JobRecord record{.id = id, .is_unreadable = true};
  record.description.plan.logical.job = "unknown";
  record.end = JobState::kFailed;
  record.failures = {{.message = fmt::format("the JobManager's record of the job is damaged, and the job can't go on. Its checkpoints are untouched: run its program again "
                                             "with -s and the newest one. The record lies at '{}': remove it, and at its next start the JobManager tells of the job no more",
                                             aside)}};
  return record;
}

}  // namespace

JobStore::JobStore(FileSystem& files, std::string folder, std::unique_ptr<FileLock> lock)
    : files_{files}, folder_{std::move(folder)}, lock_{std::move(lock)} {}

Result<std::unique_ptr<JobStore>> JobStore::open(FileSystem& files, std::string folder) {
  const auto refuse = [&](const Error& error) { return std::unexpected{error.within(fmt::format("the JobManager's folder '{}'", folder))}; };
  folder = files.absolute_path(folder);
  if (const auto made = make_durable_directories(files, join_path(folder, kJobsName)); !made) return refuse(made.error());
  auto lock = files.lock(join_path(folder, kLockName));
  if (!lock) return refuse(lock.error());
  std::unique_ptr<JobStore> store{new JobStore{files, folder, *std::move(lock)}};
  if (const auto begun = store->begin_epoch(); !begun) return refuse(begun.error());
  return store;
}

Result<> JobStore::begin_epoch() {
  const std::string path = join_path(folder_, kEpochName);
  if (const auto found = files_.stat(path)) {
    TIDEMARK_ASSIGN(text, read_file(files_, path, 64));
    const std::string_view number = std::string_view{text}.substr(0, text.find('\n'));
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), epoch_);
    const bool has_next = epoch_ < std::numeric_limits<std::uint64_t>::max();
    if (error != std::errc{} || end != number.data() + number.size() || !has_next) {
      return fail(ErrorCode::kDataLoss, fmt::format("'{}' is damaged: write a number there that is larger than that of any JobManager before, as "
                                                    "their logs say it",
                                                    path));
    }
  } else if (found.error().code() != ErrorCode::kNotFound) {
    return std::unexpected{found.error()};
  }
  ++epoch_;
  return replace_file(files_, path, fmt::format("{}\n", epoch_));
}

std::string JobStore::jobs_folder() const { return join_path(folder_, kJobsName); }

Result<std::vector<JobRecord>> JobStore::read_all() {
  TIDEMARK_ASSIGN(entries, files_.list(jobs_folder()));
  std::vector<JobRecord> records;
  const auto is_there = [&entries](const std::string& name) { return std::ranges::find(entries, name, &DirectoryEntry::name) != entries.end(); };
  for (const DirectoryEntry& entry : entries) {
    const std::string id = entry.name.substr(0, kIdDigits);
    if (entry.is_directory || !is_id(id)) continue;
    if (entry.name == id + std::string{kDamagedSuffix} && !is_there(id)) records.push_back(stand_in(id, join_path(jobs_folder(), entry.name)));
    if (entry.name != id) continue;
    if (auto record = read(id)) {
      records.push_back(*std::move(record));
    } else if (is_damage(record.error())) {
      records.push_back(set_aside(id, record.error()));
    } else {
      return std::unexpected{record.error().within(fmt::format(
          "the record '{}', without which its job would not go on (move it away to start all the same)", join_path(jobs_folder(), id)))};
    }
  }
  std::ranges::stable_sort(records, {}, &JobRecord::submitted_ms);
  return records;
}

Result<JobRecord> JobStore::read(const std::string& id) {
  TIDEMARK_ASSIGN(bytes, read_file(files_, join_path(jobs_folder(), id)));
  TIDEMARK_ASSIGN(record, from_described<JobRecord>(bytes));
  if (record.id != id) return fail(ErrorCode::kDataLoss, fmt::format("it is that of job {}", record.id));
  return record;
}

JobRecord JobStore::set_aside(const std::string& id, const Error& why) {
  const std::string path = join_path(jobs_folder(), id);
  const std::string aside = path + std::string{kDamagedSuffix};
  const bool is_moved = files_.rename(path, aside) && files_.sync_directory(jobs_folder());
  JobRecord record = stand_in(id, is_moved ? aside : path);
  log_error(fmt::format("job {}: {} ({})", id, record.failures.front().message, why.message()));
  return record;
}

Result<> JobStore::write(const JobRecord& record) { return replace_file(files_, join_path(jobs_folder(), record.id), to_described(record)); }

Result<> JobStore::remove(const std::string& id) {
  const auto removed = files_.remove(join_path(jobs_folder(), id));
  if (!removed && removed.error().code() != ErrorCode::kNotFound) return removed;
  return files_.sync_directory(jobs_folder());
}

}  // namespace tidemark
