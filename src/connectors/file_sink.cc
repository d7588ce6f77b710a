#include "tidemark/detail/connectors/file_sink.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "connectors/commit_rounds.h"
#include "connectors/list_state.h"
#include "connectors/sink_files.h"
#include "connectors/unprepared_files.h"
#include "env/crash_point.h"
#include "env/env.h"
#include "tidemark/detail/base/check.h"
#include "tidemark/detail/base/planted_bug.h"
#include "tidemark/detail/base/probe.h"
#include "tidemark/error.h"

namespace tidemark::detail {
namespace {

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

/// Renames one file a step, and syncs their folders at the end.
class RenameRound final : public CommitRound {
 public:
  RenameRound(FileSystem& files, std::vector<CommitTask> tasks) : CommitRound{std::move(tasks)}, files_{files} {}

  bool step() override {
    if (next_ < tasks().size()) {
      rename(tasks()[next_++]);
      return false;
    }
    for (const std::string& directory : directories_) sync(directory);
    crash_point(CrashPoint::kSinkCommitted);
    return true;
  }

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
    for (CommitTask& task : tasks()) {
      if (!task.error && file_of(task).directory == directory) fail(task, synced.error());
    }
  }

  FileSystem& files_;
  std::size_t next_ = 0;
  std::vector<std::string> directories_;
};

bool is_full(const WrittenFile& file, const FileSinkOptions& options) {
  if (file.size < options.roll_bytes) return false;
  TIDEMARK_PROBE("sink: a file rolls");
  return true;
}

[[noreturn]] void refuse(const std::string& message) { throw Error{ErrorCode::kInvalidArgument, message}; }

}  // namespace

class FileSinkOperator::Files {
 public:
  explicit Files(FileSinkOptions options) : options_{std::move(options)} {}

  void open(OperatorContext& context) {
    context_ = &context;
    FileSystem& files = *context.env->files;
    unprepared_ = std::make_shared<UnpreparedFiles>(files);
    commits_.emplace(context, CommitRounds::Wait::kShort,
                     [&files](std::vector<CommitTask> tasks) { return std::make_shared<RenameRound>(files, std::move(tasks)); });
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
    commits_->ledger().prepare(request.barrier.id, closed_);
    closed_.clear();
    OperatorSnapshot result{.uid = context_->name.uid, .subtask = context_->name.subtask};
    result.committables = commits_->ledger().pending();
    const SinkMark mark{context_->attempt, context_->name.subtask, next_number_};
    result.list_states.push_back(list_state(kSinkMarks, std::vector{mark}));
    result.list_states.push_back(sink_kind_state(kFileSinkKind));
    return std::make_unique<PrepareWork>(unprepared_, std::move(result), std::exchange(closed_bytes_, 0));
  }

  CommitRounds& commits() { return *commits_; }

 private:
  void begin_file() {
    FileSystem& files = *context_->env->files;
    const OperatorName& op = context_->name;
    WrittenFile file{.directory = options_.directory};
    do {
      file.name = committed_name(options_.prefix, op.subtask, context_->attempt, next_number_++, options_.extension);
    } while (files.stat(join_path(file.directory, file.name)).has_value());
    auto created = files.create(join_path(file.directory, in_progress_name(file.name)), CreateMode::kTruncate);
    if (!created) throw created.error().within(commits_->describe());
    file.file = std::move(*created);
    current_ = std::move(file);
    if (!options_.header.empty()) append(options_.header);
  }

  void append(std::string_view bytes) {
    try {
      current_->append(bytes);
    } catch (const Error& error) {
      throw error.within(commits_->describe());
    }
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

  FileSinkOptions options_;
  OperatorContext* context_ = nullptr;
  std::shared_ptr<UnpreparedFiles> unprepared_;
  std::optional<CommitRounds> commits_;
  std::optional<WrittenFile> current_;
  std::vector<std::string> closed_;  // committables since the last barrier
  std::uint64_t closed_bytes_ = 0;
  std::uint64_t next_number_ = 0;
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

void FileSinkOperator::checkpoint_completed(CheckpointId id) { files_->commits().checkpoint_completed(id); }

std::optional<Timestamp> FileSinkOperator::next_processing_time() const { return files_->commits().next_retry(); }

bool FileSinkOperator::advance_processing_time(Timestamp now) {
  if (const auto due = files_->commits().next_retry(); due && *due <= now) {
    TIDEMARK_PROBE("sink: a commit is tried again");
    files_->commits().retry();
  }
  return true;
}

bool FileSinkOperator::settled() const { return files_->commits().settled(); }

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
