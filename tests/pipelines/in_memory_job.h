// Runs a job with everything it needs in memory, on one thread and one seed: the real master, the real tasks, and files
// that the next life of the job finds again.
//
// One thread. The world outlives the job; one job at a time in a world.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "api/job_access.h"
#include "coordinator/job_master.h"
#include "snapshot/checkpoint_store.h"
#include "testing/test_world.h"
#include "tidemark/detail/base/check.h"
#include "tidemark/tidemark.h"
#include "worker/task_set.h"

namespace tidemark {

struct InMemorySettings {
  std::uint32_t parallelism = 1;
  std::uint32_t max_parallelism = 16;
  JobMasterOptions master = {};
  std::string checkpoints = "/state";
  Resume resume = {Resume::Kind::kLatest, {}};  ///< the newest checkpoint there; without one the job begins
};

class InMemoryJob final : private ExecutionFactory {
 public:
  static constexpr const char* kName = "job";

  InMemoryJob(TestWorld& world, const std::function<void(Job&)>& build, const InMemorySettings& settings) : world_{world} {
    build(job_);
    const detail::JobBuilder& builder = detail::JobAccess::builder(job_);
    if (builder.complaint()) throw *builder.complaint();
    LogicalPlan logical = builder.plan();
    logical.job = kName;
    logical.parallelism = settings.parallelism;
    logical.max_parallelism = settings.max_parallelism;
    plan_ = value_or_throw(make_physical_plan(std::move(logical)));
    factories_ = builder.factories();
    master_ = std::make_unique<JobMaster>(
        world.env(), plan_, value_or_throw(CheckpointStore::open(world.files, settings.checkpoints, kName, settings.resume)),
        static_cast<ExecutionFactory&>(*this), settings.master);
  }
  /// Cancels what is not over.
  ~InMemoryJob() {
    if (!over_) master_->request_cancel();
    run();
  }
  InMemoryJob(const InMemoryJob&) = delete;
  InMemoryJob& operator=(const InMemoryJob&) = delete;

  JobMaster& master() { return *master_; }
  std::uint64_t records_in() const { return attempt_ == nullptr ? 0 : attempt_->metrics().records_in; }

  /// Until the sources have read so many records; false if the job is over before.
  bool run_until_read(std::uint64_t records) {
    while (!over_ && records_in() < records) step();
    return !over_;
  }
  /// Takes one out of turn; false if it fails.
  bool take_checkpoint() {
    std::optional<bool> complete;
    master_->request_snapshot({.what = SnapshotOrder::What::kCheckpoint},
                              [&](const Result<SnapshotTaken>& taken) { complete = taken.has_value(); });
    while (!over_ && !complete) step();
    return complete.value_or(false);
  }
  const JobOutcome& run() {
    while (!over_) step();
    return master_->outcome();
  }
  /// As if its process were killed: of what it has begun nothing reaches a file any more.
  void die() {
    world_.files.crash_process();
    world_.files.set_hook(
        [](FileOperation, const std::string&) { return std::optional{Error{ErrorCode::kIo, "the process is dead"}}; });
    if (!over_) master_->request_cancel();
    run();
    world_.files.set_hook(nullptr);
  }

 private:
  class Attempt final : public Execution {
   public:
    Attempt(InMemoryJob& job, ExecutionListener& listener)
        : job_{job},
          tasks_{job.world_.env(), CheckpointMode::kExactlyOnce, job.plan_, job.factories_, listener,
                 [](std::size_t) { return std::shared_ptr<EventCount>{}; }} {
      job.attempt_ = &tasks_;
    }
    ~Attempt() override { job_.attempt_ = nullptr; }
    void start(AttemptStart start) override { tasks_.start(std::move(start)); }
    void trigger(const Barrier& barrier, const std::string& folder) override { tasks_.trigger(barrier, folder); }
    void notify_complete(CheckpointId id) override { tasks_.notify_complete(id); }
    void notify_aborted(CheckpointId id) override { tasks_.notify_aborted(id); }
    void drain() override { tasks_.drain(); }
    void finish() override { tasks_.finish(); }
    void cancel() override { tasks_.cancel(); }
    InputProgress input_progress() const override { return tasks_.input_progress(); }

   private:
    InMemoryJob& job_;
    TaskSet tasks_;
  };

  std::unique_ptr<Execution> make(ExecutionListener& listener) override { return std::make_unique<Attempt>(*this, listener); }

  // Somebody, from one that the seed picks on; where nobody can do anything, time leaps.
  void step() {
    const std::size_t tasks = attempt_ == nullptr ? 0 : attempt_->tasks().size();
    const std::size_t actors = 1 + tasks + world_.pool.size();
    const std::size_t first = world_.random.next() % actors;
    for (std::size_t i = 0; i < actors; ++i) {
      if (step((first + i) % actors, tasks)) return;
    }
    const auto deadline = next_deadline_ns();
    TIDEMARK_CHECK(deadline.has_value(), "nobody can do anything, and no time will come");
    world_.clock.leap_to_ns(*deadline);
  }
  bool step(std::size_t actor, std::size_t tasks) {
    if (actor == 0) {
      const Progress progress = master_->step();
      over_ = progress == Progress::kDone;
      return progress != Progress::kBlocked;
    }
    if (actor > tasks) {
      world_.pool.step(actor - 1 - tasks);
      return true;
    }
    Task& task = *attempt_->tasks()[actor - 1];
    return task.state() != Task::State::kEnded && task.step() != Progress::kBlocked;
  }
  std::optional<std::int64_t> next_deadline_ns() const {
    std::optional<std::int64_t> earliest = master_->next_deadline_ns();
    if (attempt_ == nullptr) return earliest;
    for (const auto& task : attempt_->tasks()) {
      if (const auto deadline = task->next_deadline_ns()) earliest = std::min(earliest.value_or(*deadline), *deadline);
    }
    return earliest;
  }

  TestWorld& world_;
  const char* argv_[1] = {"program"};
  Job job_{kName, 1, argv_};
  PhysicalPlan plan_;
  detail::JobFactories factories_;
  TaskSet* attempt_ = nullptr;
  bool over_ = false;
  std::unique_ptr<JobMaster> master_;
};

}  // namespace tidemark
