// Named moments at which a test may have the process die, as kill -9 would: TIDEMARK_CRASH_AT=<name>:<n> exits with 137 at
// the n-th time that the moment is reached; TIDEMARK_CRASH_AT=list prints the names and exits. Without the variable a
// crash point is one load and a branch. Any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>

namespace tidemark {

enum class CrashPoint : std::uint8_t {
  kCheckpointTriggered,     ///< the barrier was handed to the sources
  kSnapshotStarted,         ///< a task has taken its snapshot, nothing is written yet
  kSnapshotFileWritten,     ///< a state file is durable
  kSnapshotAcknowledged,    ///< a task's acknowledgement is on its way
  kSinkPrepared,            ///< a sink's pending file is durable under its pending name; messages stand in the committable
  kMetadataWritten,         ///< `_metadata` lies under its temporary name
  kMetadataDurable,         ///< `_metadata` has its name
  kPointerMoved,            ///< the checkpoint is complete, nobody knows yet
  kCompletionNotified,      ///< the tasks are being told
  kSinkCommitting,          ///< a sink is about to rename a pending file, or to commit a transaction that has all its messages
  kSinkRenamed,             ///< it has, the folder is not synced yet
  kSinkCommitted,           ///< the rename is durable, the transaction committed
  kOldMetadataRemoved,      ///< an old checkpoint's `_metadata` is gone, its files are not
  kOldCheckpointRemoved,    ///< an old checkpoint is gone
  kRecoveryStarted,         ///< the attempt number is durable, nothing is recovered yet
  kRecoveryCommitted,       ///< the restored committables are committed, leftovers not yet discarded
};
inline constexpr int kCrashPoints = static_cast<int>(CrashPoint::kRecoveryCommitted) + 1;

/// "sink-renamed".
std::string_view to_string(CrashPoint point) noexcept;

/// Reads TIDEMARK_CRASH_AT; call once, first thing of a job. An unknown name ends the process with a message.
void arm_crash_points();

namespace detail {
extern std::atomic<int> armed_crash_point;  // -1: none
void reach_armed_crash_point() noexcept;
}  // namespace detail

inline void crash_point(CrashPoint point) noexcept {
  if (detail::armed_crash_point.load(std::memory_order_relaxed) == static_cast<int>(point)) [[unlikely]] {
    detail::reach_armed_crash_point();
  }
}

}  // namespace tidemark
