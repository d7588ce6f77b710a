#include "tidemark/detail/connectors/file_sink.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>
#include <vector>

#include "base/log.h"
#include "connectors/list_state.h"
#include "connectors/sink_files.h"
#include "connectors/unprepared_files.h"
#include "env/crash_point.h"
#include "env/env.h"
#include "protocol/commit_ledger.h"
#include "tidemark/detail/base/check.h"
#include "tidemark/detail/base/planted_bug.h"
#include "tidemark/detail/base/probe.h"
#include "tidemark/error.h"

namespace tidemark::detail {
namespace {

// Of one file. The pauses between them add up to some ten seconds.
constexpr int kCommitTries = 8;
constexpr Duration kFirstPause = std::chrono::milliseconds{100};
// Rolled files may wait to be synced beside the task; beyond this many the task waits for them.
constexpr std::size_t kMaxUnprepared = 8;

/// Makes files pending, off the task's thread.
class PrepareWork final : public SnapshotWork {
 public:
  PrepareWork(std::shared_ptr<UnpreparedFiles> files, OperatorSnapshot result, std::uint64_t bytes)
      : files_{std::move(files)}, result_{std::move(result)}, bytes_{bytes} {}

  bool step() override {
    const bool prepared = files_->prepare_step();
    if (prepared && planted(PlantedBug::kCommitOnTrigger)) files_->commit(result_.committables);
    return prepared;
  }
  OperatorSnapshot take_result() override { return std::move(result_); }
  std::uint64_t bytes_written() const override { return bytes_; }

 private:
  std::shared_ptr<UnpreparedFiles> files_;
  OperatorSnapshot result_;
  std::uint64_t bytes_;
};

/// A file to commit, and how often that failed.
struct CommitTask {
  CommitOrder order;
  int failures = 0;
  std::optional<Error> error;  // of the last try
};

/// Tries to commit some files, off the task's thread: one a step, their folders at the end.
class Commit {
 public:
  Commit(FileSystem& files, std::vector<CommitTask> tasks) : files_{files}, tasks_{std::move(tasks)} {}

  /// True when finished: a task without an error is committed for good.
  bool step() {
    if (next_ < tasks_.size()) {
      rename(tasks_[next_++]);
      return false;
    }
    for (const std::string& directory : directories_) sync(directory);
    crash_point(CrashPoint::kSinkCommitted);
    return true;
  }

  std::vector<CommitTask>& tasks() { return tasks_; }

 private:
  static FileCommittable file_of(const CommitTask& task) {
    FileCommittable file;
    TIDEMARK_CHECK(decode_versioned(task.order.committable, file), "a sink's own committable can't be decoded");
    return file;
  }

  void rename(CommitTask& task) {
    const FileCommittable file = file_of(task);
    try {
      task.error.reset();
      commit_file(files_, file);
      if (std::ranges::find(directories_, file.directory) == directories_.end()) directories_.push_back(file.directory);
    } catch (const Error& error) {
      fail(task, error);
    }
  }

  void sync(const std::string& directory) {
    if (planted(PlantedBug::kMissingFolderSync)) return;
    const auto synced = files_.sync_directory(directory);
    if (synced) return;
    TIDEMARK_PROBE("sink: renamed files can't be made durable");
    for (CommitTask& task : tasks_) {
      if (!task.error && file_of(task).directory == directory) fail(task, synced.error());
    }
  }

  static void fail(CommitTask& task, const Error& error) {
    ++task.failures;
    task.error = error;
  }

  FileSystem& files_;
  std::vector<CommitTask> tasks_;
  std::size_t next_ = 0;
  std::vector<std::string> directories_;
};

bool is_full(const WrittenFile& file, const FileSinkOptions& options) {
  if (file.size < options.roll_bytes) return false;
  TIDEMARK_PROBE("sink: a file rolls");
  return true;
}

[[noreturn]] void give_up(const Error& error) {
  TIDEMARK_PROBE("sink: a file can't be committed");
  throw TaskFailure{error};
}

[[noreturn]] void refuse(const std::string& message) { throw Error{ErrorCode::kInvalidArgument, message}; }

}  // namespace

class FileSinkOperator::Files {
 public:
  explicit Files(FileSinkOptions options) : options_{std::move(options)} {}

  void open(OperatorContext& context) {
    context_ = &context;
    unprepared_ = std::make_shared<UnpreparedFiles>(*context.env->files);
  }

  void write(std::string_view lines) {
    if (!current_) begin_file();
    append(lines);
    if (!is_full(*current_, options_)) return;
    close_current();
    prepare_rolled();
  }

  std::unique_ptr<SnapshotWork> snapshot(const SnapshotRequest& request) {
    if (const auto lost = unprepared_->lost()) throw *lost;
    if (current_) close_current();
    ledger_.prepare(request.barrier.id, closed_);
    closed_.clear();
    OperatorSnapshot result{.uid = context_->name.uid, .subtask = context_->name.subtask};
    result.committables = ledger_.pending();
    const SinkMark mark{context_->attempt, context_->name.subtask, next_number_};
    result.list_states.push_back(list_state(kSinkMarks, std::vector{mark}));
    return std::make_unique<PrepareWork>(unprepared_, std::move(result), std::exchange(closed_bytes_, 0));
  }

  void checkpoint_completed(CheckpointId id) {
    std::vector<CommitTask> tasks;
    for (CommitOrder& order : ledger_.on_complete(id)) tasks.push_back({std::move(order), 0, std::nullopt});
    start_commit(std::move(tasks));
  }

  std::optional<Timestamp> next_retry() const {
    return waiting_.empty() ? std::nullopt : std::optional{retry_at_};
  }
  void retry() {
    start_commit(std::exchange(waiting_, {}));
  }

  bool settled() const { return commits_in_flight_ == 0 && waiting_.empty(); }

 private:
  void begin_file() {
    FileSystem& files = *context_->env->files;
    const OperatorName& op = context_->name;
    WrittenFile file{.directory = options_.directory};
    do {
      file.name = committed_name(options_.prefix, op.subtask, context_->attempt, next_number_++, options_.extension);
    } while (files.stat(join_path(file.directory, file.name)).has_value());
    auto created = files.create(join_path(file.directory, in_progress_name(file.name)), CreateMode::kTruncate);
    if (!created) throw created.error().within(describe());
    file.file = std::move(*created);
    current_ = std::move(file);
    if (!options_.header.empty()) append(options_.header);
  }

  void append(std::string_view bytes) {
    try {
      current_->append(bytes);
    } catch (const Error& error) {
      throw error.within(describe());
    }
  }

  std::string describe() const {
    return fmt::format("sink '{}', subtask {}", context_->name.uid, context_->name.subtask);
  }

  void close_current() {
    closed_.push_back(encode_item(
        FileCommittable{.directory = current_->directory, .name = current_->name, .size = current_->size}));
    closed_bytes_ += current_->size;
    unprepared_->add(std::move(*current_));
    current_.reset();
  }

  void prepare_rolled() {
    context_->run_blocking([unprepared = unprepared_] {
      try {
        return unprepared->prepare_step();
      } catch (const Error&) {
        return true;  // the next checkpoint's work tries again, and reports it
      }
    });
    try {
      while (unprepared_->size() > kMaxUnprepared && !unprepared_->prepare_step()) {
      }
    } catch (const Error&) {
      // As above: a file that can't be synced fails a checkpoint, not the job.
    }
  }

  void start_commit(std::vector<CommitTask> tasks) {
    if (tasks.empty()) return;
    ++commits_in_flight_;
    auto commit = std::make_shared<Commit>(*context_->env->files, std::move(tasks));
    context_->run_blocking([this, commit, post_mail = context_->post_mail] {
      if (!commit->step()) return false;
      post_mail([this, commit] { finish_commit(*commit); });
      return true;
    });
  }

  void finish_commit(Commit& commit) {
    --commits_in_flight_;
    int failures = 0;
    for (CommitTask& task : commit.tasks()) {
      if (!task.error) {
        ledger_.on_committed(task.order.sequence);
        continue;
      }
      if (task.error->retry() == Retry::kNone || task.failures >= kCommitTries) {
        give_up(task.error->within(describe()));
      }
      failures = std::max(failures, task.failures);
      waiting_.push_back(std::move(task));
    }
    if (failures > 0) wait_for_retry(failures);
  }

  void wait_for_retry(int failures) {
    retry_at_ = wall_time(*context_->env) + kFirstPause * (1 << (failures - 1));
    log_debug(fmt::format("{}: committing failed and is tried again: {}", describe(), waiting_.back().error->message()));
  }

  FileSinkOptions options_;
  OperatorContext* context_ = nullptr;
  std::shared_ptr<UnpreparedFiles> unprepared_;
  CommitLedger ledger_;
  std::optional<WrittenFile> current_;
  std::vector<std::string> closed_;  // committables since the last barrier
  std::uint64_t closed_bytes_ = 0;
  std::uint64_t next_number_ = 0;
  int commits_in_flight_ = 0;
  std::vector<CommitTask> waiting_;  // for the next try, all at once
  Timestamp retry_at_;               // with any waiting
};

FileSinkOperator::FileSinkOperator(FileSinkOptions options) : files_{std::make_unique<Files>(std::move(options))} {}

FileSinkOperator::~FileSinkOperator() = default;

void FileSinkOperator::open(OperatorContext& context) { files_->open(context); }

void FileSinkOperator::write_buffer() {
  if (buffer_.empty()) return;
  files_->write(buffer_);
  buffer_.clear();
}

std::unique_ptr<SnapshotWork> FileSinkOperator::snapshot(const SnapshotRequest& request) {
  write_buffer();
  return files_->snapshot(request);
}

void FileSinkOperator::checkpoint_completed(CheckpointId id) { files_->checkpoint_completed(id); }

std::optional<Timestamp> FileSinkOperator::next_processing_time() const { return files_->next_retry(); }

bool FileSinkOperator::advance_processing_time(Timestamp now) {
  if (const auto due = files_->next_retry(); due && *due <= now) {
    TIDEMARK_PROBE("sink: a commit is tried again");
    files_->retry();
  }
  return true;
}

bool FileSinkOperator::settled() const { return files_->settled(); }

void check_options(const FileSinkOptions& options) {
  if (options.directory.empty()) refuse("write_files() needs the path of a folder");
  if (options.roll_bytes == 0) refuse(fmt::format("write_files(\"{}\"): a file has at least 1 byte", options.directory));
  if (options.prefix.empty() || options.prefix.front() == '.' ||
      options.prefix.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") !=
          std::string::npos) {
    refuse(fmt::format("write_files(\"{}\"): the prefix '{}' must be letters, digits, _ or -", options.directory,
                       options.prefix));
  }
}

}  // namespace tidemark::detail
