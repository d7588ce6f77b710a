// What tasks, coordinator and snapshot storage tell one another about a checkpoint. Plain data, any thread by value.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tidemark/detail/model/key_group.h"
#include "tidemark/time.h"

namespace tidemark {

/// Grows by one a checkpoint, over the whole life of a job; never used twice by one attempt. 0 is none.
using CheckpointId = std::uint64_t;
/// Grows by one each time the job starts or restarts; stands in the path of every file. 0 is none.
using AttemptId = std::uint32_t;

/// One subtask of one vertex of the physical plan.
struct TaskId {
  std::uint32_t vertex = 0;
  std::uint32_t subtask = 0;
  friend auto operator<=>(const TaskId&, const TaskId&) = default;
};

enum class CheckpointMode : std::uint8_t {
  kExactlyOnce,  ///< a channel that delivered the barrier waits for the others
  kAtLeastOnce,  ///< no channel waits; records behind the barrier may be in the snapshot
  kNone,         ///< no channel waits and nothing is persisted: a checkpoint only makes sinks commit
};

enum class CheckpointKind : std::uint8_t {
  kPeriodic,       ///< by the interval, in time or in what was read, or on request
  kFinal,          ///< all input was read: the last one, on whose completion sinks commit the rest and tasks end
  kStop,           ///< the job stops on request with this checkpoint and keeps it
  kSavepoint,      ///< on request, into a folder that belongs to the user; commits nothing, and the job goes on
  kStopSavepoint,  ///< a savepoint with which the job stops: sinks commit
};
/// Self-contained and canonical, in a folder of its own.
constexpr bool is_savepoint(CheckpointKind kind) noexcept {
  return kind == CheckpointKind::kSavepoint || kind == CheckpointKind::kStopSavepoint;
}
/// The job stops with it, on request.
constexpr bool is_stop(CheckpointKind kind) noexcept {
  return kind == CheckpointKind::kStop || kind == CheckpointKind::kStopSavepoint;
}

/// Travels in the stream between the records before and those after the snapshot.
struct Barrier {
  CheckpointId id = 0;
  std::int64_t triggered_wall_ms = 0;
  CheckpointMode mode = CheckpointMode::kExactlyOnce;
  CheckpointKind kind = CheckpointKind::kPeriodic;
};

/// One durable file of a checkpoint.
struct SnapshotFile {
  std::string path;            ///< relative to the checkpoint's folder, or absolute where it belongs to an older one
  std::uint64_t size = 0;      ///< bytes
  std::uint64_t checksum = 0;  ///< XXH3-64 of the whole file
  KeyGroupRange key_groups;
  friend bool operator==(const SnapshotFile&, const SnapshotFile&) = default;
};

/// A file that a subtask's store gave (state_store.h).
struct StoreFile {
  std::string name;   ///< in the store
  SnapshotFile file;  ///< its key groups are the store's
  friend bool operator==(const StoreFile&, const StoreFile&) = default;
};

/// The files in which a subtask's store had its state at the trigger. The subtask's data file says what else there was.
struct StoreFiles {
  std::string format;  ///< who can read them; empty: there are none
  KeyGroupRange key_groups;
  std::vector<StoreFile> files;
  friend bool operator==(const StoreFiles&, const StoreFiles&) = default;
};

/// How the items of an operator list state go to the subtasks of a restored job. Numbers stand in checkpoints.
enum class Redistribution : std::uint8_t {
  kSplit,      ///< each item to one subtask, evenly
  kUnion,      ///< all items to every subtask
  kBroadcast,  ///< every subtask has the same items: one of them writes them, all read them
};

struct OperatorListState {
  std::string name;
  Redistribution redistribution = Redistribution::kSplit;
  std::string schema;              ///< canonical JSON of the items' type
  std::vector<std::string> items;  ///< each in the versioned binary encoding
  friend bool operator==(const OperatorListState&, const OperatorListState&) = default;
};

/// Up to where the event time of a range of keys had come: what was late before stays late.
struct KeyGroupWatermark {
  KeyGroupRange key_groups;
  Timestamp watermark = Timestamp::min();
  friend bool operator==(const KeyGroupWatermark&, const KeyGroupWatermark&) = default;
};

/// What one subtask of one operator put into a checkpoint.
struct OperatorSnapshot {
  std::string uid;
  std::uint32_t subtask = 0;
  std::vector<SnapshotFile> keyed_files;
  std::vector<OperatorListState> list_states;
  std::vector<std::string> committables;  ///< of a two-phase sink: what its commit() will be given
  std::vector<KeyGroupWatermark> watermarks;
  StoreFiles store = {};
  friend bool operator==(const OperatorSnapshot&, const OperatorSnapshot&) = default;
};

/// What one task (a chain of operators) acknowledges a checkpoint with.
struct TaskSnapshot {
  std::vector<OperatorSnapshot> operators;  ///< only those that have something to say
  std::uint64_t bytes = 0;                  ///< written for this checkpoint
  std::int64_t sync_ns = 0;                 ///< how long the task stood still
  std::int64_t async_ns = 0;                ///< how long writing took beside it
  std::int64_t alignment_ns = 0;            ///< from the first barrier to the last
};

/// Why a task can't take part in a checkpoint. A failure while the task stands still (the synchronous part) is none of
/// these: it fails the task.
enum class DeclineReason : std::uint8_t {
  kIo,                ///< writing the snapshot failed; counted
  kAsync,             ///< the work beside the task failed otherwise; counted
  kGeneric,           ///< any other failure of the task's own; counted
  kAlignmentAborted,  ///< a newer barrier overtook it; not counted
  kCancelMarker,      ///< a task upstream gave it up; not counted
  kNotReady,          ///< the task does not run yet; not counted
};
/// The enumerator's name without its k, in words.
std::string_view to_string(DeclineReason reason) noexcept;

/// A state as a snapshot and a plan describe it.
struct StateDescriptor {
  enum class Kind : std::uint8_t {
    kValue = 1,
    kList = 2,
    kMap = 3,
    kTimers = 4,
    kWindow = 5,
    // Operator state: without a key, but for the map's own.
    kSplitList = 6,
    kUnionList = 7,
    kBroadcast = 8,
  };
  static constexpr Kind kLastKind = Kind::kBroadcast;
  std::string name;
  Kind kind = Kind::kValue;
  std::string key_schema;        ///< canonical JSON; empty for a list of operator state
  std::string namespace_schema;  ///< canonical JSON; empty where entries have no namespace
  std::string value_schema;      ///< canonical JSON
  bool has_ttl = false;          ///< values, elements or map entries expire: with each stands when it was written
  friend bool operator==(const StateDescriptor&, const StateDescriptor&) = default;
};

/// "value", "union list".
std::string_view to_string(StateDescriptor::Kind kind) noexcept;

/// All that stands in a checkpoint's `_metadata`.
struct CheckpointMetadata {
  std::string job;
  CheckpointId id = 0;
  AttemptId attempt = 0;
  CheckpointKind kind = CheckpointKind::kPeriodic;
  bool drained = false;  ///< its sources were told to end: time is over, and whoever restores it reads nothing more
  std::int64_t triggered_wall_ms = 0;
  std::int64_t completed_wall_ms = 0;
  struct Operator {
    std::string uid;
    std::string name;
    std::uint32_t parallelism = 0;
    std::uint32_t max_parallelism = 0;
    std::vector<StateDescriptor> states;
    std::vector<OperatorSnapshot> subtasks;
    friend bool operator==(const Operator&, const Operator&) = default;
  };
  std::vector<Operator> operators;
  friend bool operator==(const CheckpointMetadata&, const CheckpointMetadata&) = default;
};

/// Whether restored state of keys is read before the job goes on or behind.
struct LazyRestore {
  bool on = true;
  std::uint64_t from_bytes = 64u << 20;  ///< of a subtask's files: less is read at once
  std::uint64_t unit_bytes = 1u << 20;   ///< of the files, about: what is read when a key of it is asked for
};

/// What one subtask of one operator starts from: its share of a checkpoint.
struct OperatorRestore {
  std::vector<SnapshotFile> keyed_files;  ///< absolute paths; only those whose range intersects the subtask's
  std::vector<OperatorListState> list_states;
  std::vector<KeyGroupWatermark> watermarks;
  std::vector<std::string> dropped_states;  ///< names of states in the files that are to be passed over
  LazyRestore lazy;
  std::vector<StoreFiles> stores = {};  ///< paths as in keyed_files; those whose key groups intersect the subtask's
};

}  // namespace tidemark
