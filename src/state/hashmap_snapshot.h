// Writes the views that a KeyedBackend took at a trigger into one file, in steps: all of them, or what changed.
//
// Threads: one at a time, any; the tables go on beside it. Ownership: views, writer and file are the work's until it is
// done or destroyed; either way the running snapshot ends once, after its last view is gone.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "snapshot/snapshot_file_writer.h"
#include "state/incremental_snapshots.h"
#include "state/view_merge.h"
#include "tidemark/detail/state/cow_domain.h"
#include "tidemark/detail/state/keyed_backend.h"
#include "tidemark/detail/state/operator_context.h"

namespace tidemark {

/// A snapshot that tables keep old content for. Destroyed on any thread, it has the task tell the domain by mail.
class RunningSnapshot {
 public:
  using PostMail = std::function<void(std::function<void()>)>;

  /// Begins it; on the task's thread. `domain` holds null once there is none any more.
  RunningSnapshot(std::shared_ptr<detail::CowDomain*> domain, PostMail post_mail);
  ~RunningSnapshot();
  RunningSnapshot(const RunningSnapshot&) = delete;
  RunningSnapshot& operator=(const RunningSnapshot&) = delete;

  std::uint32_t bound() const { return bound_; }

 private:
  std::shared_ptr<detail::CowDomain*> domain_;
  PostMail post_mail_;
  std::uint32_t bound_;
};

class HashmapSnapshot final : public detail::SnapshotWork {
 public:
  struct State {
    StateDescriptor descriptor;
    std::vector<detail::StateView> views;
    /// Of a state that can be written in parts: what the file will hold of it. None: all, and in each file.
    std::optional<StatePart> part = std::nullopt;
  };

  /// `result` comes back with the file added. `written` is filled for a file that others may build upon, else null.
  HashmapSnapshot(FileSystem& files, std::string path, SnapshotFileHeader header,
                  std::unique_ptr<RunningSnapshot> running, std::vector<State> states, OperatorSnapshot result,
                  std::shared_ptr<WrittenFile> written = nullptr);
  ~HashmapSnapshot() override;

  bool step() override;
  OperatorSnapshot take_result() override { return std::move(result_); }
  std::uint64_t bytes_written() const override { return bytes_written_; }

 private:
  void create_file();
  bool write_some();
  void finish_file();

  FileSystem& files_;
  std::string path_;
  SnapshotFileHeader header_;
  // Before the views, so that it ends after them.
  std::unique_ptr<RunningSnapshot> running_;
  std::vector<State> states_;
  /// Writes a bounded piece of a state; false when all of it is written.
  using WriteSome = std::move_only_function<bool(SnapshotFileWriter&)>;
  WriteSome make_merge(EntryOrder order, State state);
  void describe(SnapshotFile& file) const;
  std::vector<WriteSome> merges_;  // of the states that are not yet written, the next one last
  OperatorSnapshot result_;
  std::shared_ptr<WrittenFile> written_;
  std::unique_ptr<SnapshotFileWriter> writer_;
  std::vector<std::uint32_t> parts_;  // ids in the file of what is written in parts
  std::uint64_t bytes_written_ = 0;
};

}  // namespace tidemark
