// The tasks of one attempt, known to whoever steps them as long as they live.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "testing/test_world.h"
#include "worker/task_set.h"

namespace tidemark {

class SteppedTasks final : public ShareExecution {
 public:
  /// `known`: points to them until they are destroyed.
  SteppedTasks(const Env& env, const PhysicalPlan& plan, const detail::JobFactories& factories, ExecutionListener& listener,
               TaskSet*& known, std::optional<TaskShare> share = std::nullopt)
      : known_{known},
        tasks_{env, CheckpointMode::kExactlyOnce, plan, factories, listener, [](std::size_t) { return std::shared_ptr<EventCount>{}; },
               detail::Edge::kCapacity, std::move(share)} {
    known_ = &tasks_;
  }
  ~SteppedTasks() override { known_ = nullptr; }
  void start(AttemptStart start) override { tasks_.start(std::move(start)); }
  void open() override { tasks_.open(); }
  void put_question(NodeId enumerator, const detail::SplitQuestion& question) override { tasks_.put_question(enumerator, question); }
  std::string folder_of(CheckpointId id) override { return tasks_.folder_of(id); }
  void set_folder(CheckpointId id, std::string folder) override { tasks_.set_folder(id, std::move(folder)); }
  std::vector<VertexMetrics> vertex_metrics() const override { return tasks_.vertex_metrics(); }
  std::vector<GroupWatermark> group_watermarks() const override { return tasks_.group_watermarks(); }
  void hear_group_watermarks(const std::vector<GroupWatermark>& others) override { tasks_.hear_group_watermarks(others); }
  void trigger(const Barrier& barrier, const std::string& folder) override { tasks_.trigger(barrier, folder); }
  void notify_complete(CheckpointId id) override { tasks_.notify_complete(id); }
  void notify_aborted(CheckpointId id) override { tasks_.notify_aborted(id); }
  void drain() override { tasks_.drain(); }
  void finish() override { tasks_.finish(); }
  void cancel() override { tasks_.cancel(); }
  InputProgress input_progress() const override { return tasks_.input_progress(); }

 private:
  TaskSet*& known_;
  TaskSet tasks_;
};

}  // namespace tidemark
