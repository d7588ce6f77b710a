// The seam between a job's master and one worker of an attempt, where several workers have its tasks. As with Execution, the
// calls only post mail, so that the worker may be in another process: then one side of this is a proxy.
//
// Threads: every call of both interfaces may come from any thread and returns at once. A worker that was started reports
// on_ended() or on_lost() once, last of all, and makes no call after that.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "control/execution.h"
#include "control/vertex_metrics.h"
#include "tidemark/detail/model/plan.h"

namespace tidemark {

/// How far readers of a group of aligned sources are: the lowest of those who are waited for.
struct GroupWatermark {
  NodeId group = 0;  ///< the first source of the plan that is in it
  std::int64_t watermark_ms = 0;  ///< as Timestamp::ms()
};

/// What a worker begins an attempt with.
struct WorkerStart {
  AttemptStart attempt;                         ///< of its own tasks; of sinks, where it recovers them, of all
  std::uint32_t worker = 0;                     ///< which it is
  std::vector<std::uint32_t> worker_of_slot;    ///< slot i has subtask i of every vertex
  std::vector<std::string> data_addresses;      ///< of all workers: who has the lower number connects
  bool recovers_sinks = false;
  std::string secret;  ///< of the attempt: by it its workers know each other
  bool aligns_groups = false;  ///< its readers wait for other workers': it tells how far its own are, and hears of theirs
};

class WorkerListener : public ExecutionListener {
 public:
  /// Every sink was recovered: all workers may open their tasks.
  virtual void on_recovered() = 0;
  /// What its sources have read since the attempt began; now and then.
  virtual void on_progress(const InputProgress& progress) = 0;
  /// What its own subtasks have done since the attempt began; now and then.
  virtual void on_metrics(std::vector<VertexMetrics> vertices) = 0;
  /// How far its readers are; where it aligns groups, now and then.
  virtual void on_group_watermarks(std::vector<GroupWatermark> groups) = 0;
  /// It is known to be dead, or nobody will hear from it again.
  virtual void on_lost(Error error) = 0;

 protected:
  ~WorkerListener() = default;
};

class WorkerAttempt {
 public:
  virtual ~WorkerAttempt() = default;
  virtual void start(WorkerStart start) = 0;
  /// The sinks are recovered.
  virtual void open() = 0;
  virtual void trigger(const Barrier& barrier, const std::string& folder) = 0;
  virtual void notify_complete(CheckpointId id) = 0;
  virtual void notify_aborted(CheckpointId id) = 0;
  /// How far the other workers' readers are.
  virtual void hear_group_watermarks(std::vector<GroupWatermark> others) = 0;
  virtual void drain() = 0;
  virtual void finish() = 0;
  virtual void cancel() = 0;
};

}  // namespace tidemark
