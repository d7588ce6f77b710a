#include "tidemark/detail/connectors/file_sink.h"

#include <fmt/format.h>

#include <optional>
#include <tuple>
#include <vector>

#include "base/log.h"
#include "connectors/list_state.h"
#include "connectors/sink_files.h"
#include "connectors/unprepared_files.h"
#include "env/crash_point.h"
#include "env/env.h"
#include "protocol/commit_ledger.h"
#include "tidemark/detail/base/check.h"
#include "tidemark/error.h"

namespace tidemark::detail {
namespace {

constexpr int kCommitTries = 5;
// Rolled files may wait to be synced beside the task; beyond this many the task waits for them.
constexpr std::size_t kMaxUnprepared = 8;

/// Makes files pending, off the task's thread.
class PrepareWork final : public SnapshotWork {
 public:
  PrepareWork(std::shared_ptr<UnpreparedFiles> files, OperatorSnapshot result, std::uint64_t bytes)
      : files_{std::move(files)}, result_{std::move(result)}, bytes_{bytes} {}

  bool step() override { return files_->prepare_step(); }
  OperatorSnapshot take_result() override { return std::move(result_); }
  std::uint64_t bytes_written() const override { return bytes_; }

 private:
  std::shared_ptr<UnpreparedFiles> files_;
  OperatorSnapshot result_;
  std::uint64_t bytes_;
};

/// Commits the files of one completed checkpoint, off the task's thread: one a step, the folder at the end.
class Commit {
 public:
  Commit(FileSystem& files, std::vector<CommitOrder> orders) : files_{files}, orders_{std::move(orders)} {}

  /// True when finished: all are committed, or error() says why not.
  bool step() {
    try {
      if (next_ < orders_.size()) {
        commit(orders_[next_]);
        ++next_;
        return false;
      }
      for (const std::string& directory : renamed_in_) value_or_throw(files_.sync_directory(directory));
      crash_point(CrashPoint::kSinkCommitted);
      return true;
    } catch (const Error& error) {
      if (++failures_ < kCommitTries) return false;
      error_ = error;
      return true;
    }
  }

  const std::vector<CommitOrder>& orders() const { return orders_; }
  const std::optional<Error>& error() const { return error_; }

 private:
  void commit(const CommitOrder& order) {
    FileCommittable file;
    TIDEMARK_CHECK(decode_versioned(order.committable, file), "a sink's own committable can't be decoded");
    if (commit_file(files_, file) == CommitOutcome::kMissing) {
      throw Error{ErrorCode::kNotFound, ErrorDomain::kExternal, Retry::kRestart,
                  fmt::format("'{}' is gone before it was committed: nothing but this job may touch hidden files in '{}'",
                              join_path(file.directory, pending_name(file.name)), file.directory)};
    }
    if (renamed_in_.empty() || renamed_in_.back() != file.directory) renamed_in_.push_back(file.directory);
  }

  FileSystem& files_;
  std::vector<CommitOrder> orders_;
  std::size_t next_ = 0;
  std::vector<std::string> renamed_in_;
  int failures_ = 0;
  std::optional<Error> error_;
};

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
    if (current_->size < options_.roll_bytes) return;
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
    return std::make_unique<PrepareWork>(unprepared_, std::move(result), std::exchange(closed_bytes_, 0));
  }

  void checkpoint_completed(CheckpointId id) {
    std::vector<CommitOrder> orders = ledger_.on_complete(id);
    if (orders.empty()) return;
    ++commits_in_flight_;
    auto commit = std::make_shared<Commit>(*context_->env->files, std::move(orders));
    context_->run_blocking([this, commit, post_mail = context_->post_mail] {
      if (!commit->step()) return false;
      post_mail([this, commit] { finish_commit(*commit); });
      return true;
    });
  }

  bool settled() const { return commits_in_flight_ == 0; }

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

  void finish_commit(const Commit& commit) {
    --commits_in_flight_;
    if (commit.error()) throw TaskFailure{commit.error()->within(describe())};
    for (const CommitOrder& order : commit.orders()) ledger_.on_committed(order.sequence);
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
