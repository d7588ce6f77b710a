// The part of a task's snapshot that runs beside the task: the works of its operators, one after the other.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "tidemark/detail/task/operator.h"
#include "tidemark/error.h"

namespace tidemark {

/// Made and read by the task; in between one BackgroundWork steps it.
class SnapshotRun {
 public:
  explicit SnapshotRun(CheckpointId id) : id_{id} {}

  CheckpointId id() const { return id_; }
  void add(std::unique_ptr<detail::SnapshotWork> work) { works_.push_back(std::move(work)); }
  bool empty() const { return works_.empty(); }

  /// Any thread: nobody wants the result any more.
  void give_up() { given_up_.store(true, std::memory_order_relaxed); }

  /// True when all is done, or failed, or given up.
  bool step() noexcept;

  const std::optional<Error>& error() const { return error_; }
  TaskSnapshot& snapshot() { return snapshot_; }

 private:
  CheckpointId id_;
  std::vector<std::unique_ptr<detail::SnapshotWork>> works_;
  std::size_t next_ = 0;
  std::atomic<bool> given_up_{false};
  std::optional<Error> error_;
  TaskSnapshot snapshot_;
};

}  // namespace tidemark
