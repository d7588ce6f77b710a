// What can be asked of a running job from outside, by whoever can reach it: an endpoint, a signal, a test.
//
// Threads: a JobControl may be called by any; answers come on the job's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "control/attempt_report.h"
#include "control/checkpoint_report.h"
#include "control/vertex_metrics.h"
#include "tidemark/detail/model/checkpoint.h"

namespace tidemark {

struct SnapshotOrder {
  enum class What {
    kCheckpoint,  ///< out of turn, otherwise like all others
    kSavepoint,   ///< into a new folder
  };
  enum class Then {
    kGoOn,    ///< the job goes on
    kStop,    ///< it stops with the savepoint: what lies before it is committed
    kDrain,   ///< the same, but the sources end first: windows and timers fire, and the job has nothing left to do
    kCancel,  ///< it is cancelled when the savepoint is complete, committing nothing
  };
  What what = What::kSavepoint;
  Then then = Then::kGoOn;  ///< of a savepoint
  std::string dir;          ///< of a savepoint: its folder is made in it; empty: where the job's options say
  bool is_full = false;     ///< a checkpoint that needs no earlier one: refused where checkpoints are incremental
  std::string trigger_id = {};  ///< it is asked after with; empty: by nobody
};
/// To tell a repetition from another order under the same id.
std::string text_of(const SnapshotOrder& order);

struct SnapshotTaken {
  CheckpointId id = 0;
  std::string path;  ///< its folder
};

/// What became of an order with a trigger_id.
struct TriggeredSnapshot {
  std::string trigger_id;
  bool is_savepoint = false;
  std::string asked;     ///< text_of() the order
  bool is_over = false;
  SnapshotTaken taken;
  std::string failure;   ///< instead; empty: it was taken
};

/// Called once, if the job lives long enough: when the snapshot is complete and the job has done what was to follow, or
/// with what went wrong.
using SnapshotAnswer = std::move_only_function<void(Result<SnapshotTaken>)>;

/// What a job looks like from outside.
struct JobGlance {
  std::string id;                ///< for embedded jobs the name
  std::string name;
  std::string_view state;        ///< in Flink's words, "RUNNING"
  std::string waits_for = {};    ///< what it lacks to go on, and what to do about it; empty: nothing
  std::int64_t start_ms = 0;     ///< since 1970 UTC
  std::int64_t now_ms = 0;
  std::uint32_t restarts = 0;    ///< since the process began
  std::int64_t uptime_ms = -1;   ///< since its tasks run; 0: they do not, -1: it is over
  std::int64_t downtime_ms = -1; ///< since they run no more, or have never run; 0: they run, -1: it is over
  std::uint64_t completed_checkpoints = 0;  ///< without savepoints, but for one with which the job stopped
  std::uint64_t savepoints = 0;             ///< complete ones, while the job went on
  std::uint64_t failed_checkpoints = 0;
  std::uint32_t checkpoints_in_progress = 0;
  std::optional<CheckpointGlance> newest_checkpoint;  ///< of this run
  std::optional<RestoredGlance> restored = {};        ///< the last time
  std::uint32_t restores = 0;                         ///< how often
  std::vector<VertexMetrics> vertices = {};
  AttemptReport attempt = {};    ///< the newest
  std::map<std::string, std::int64_t> state_times = {};  ///< when it last came to each of its states, in Flink's words; since 1970 UTC
};

class JobControl {
 public:
  virtual ~JobControl() = default;
  virtual void take_snapshot(SnapshotOrder order, SnapshotAnswer answer) = 0;
  virtual void cancel() = 0;
  virtual JobGlance glance() const = 0;
  /// Newest first: those under way, then the newest few that have ended.
  virtual std::vector<CheckpointReport> checkpoints() const = 0;
};

}  // namespace tidemark
