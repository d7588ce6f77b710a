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

#include "coordinator/job_master.h"
#include "in_memory_workers.h"
#include "snapshot/checkpoint_store.h"
#include "stepped_tasks.h"
#include "testing/test_world.h"
#include "tidemark/detail/base/check.h"
#include "tidemark/tidemark.h"
#include "worker/task_set.h"

namespace tidemark {

struct InMemorySettings {
  std::uint32_t parallelism = 1;
  std::uint32_t max_parallelism = 16;
  std::uint32_t workers = 1;  ///< that share the tasks
  JobMasterOptions master = {};
  std::string checkpoints = "/state";
  Resume resume = {Resume::Kind::kLatest, {}};  ///< the newest checkpoint there; without one the job begins
};

class InMemoryJob final : private ExecutionFactory {
 public:
  static constexpr const char* kName = "job";

  InMemoryJob(TestWorld& world, const std::function<void(Job&)>& build, const InMemorySettings& settings) : world_{world} {
    const auto make_program = [&] { return std::make_unique<InMemoryProgram>(build, kName, settings.parallelism, settings.max_parallelism); };
    program_ = make_program();
    if (settings.workers > 1) workers_.emplace(world, settings.workers, settings.parallelism, make_program);
    master_ = std::make_unique<JobMaster>(
        world.env(), program_->plan, value_or_throw(CheckpointStore::open(world.files, settings.checkpoints, kName, settings.resume)),
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
  InMemoryWorkers& workers() { return *workers_; }
  std::uint64_t records_in() const {
    if (workers_) return workers_->records_in();
    return attempt_ == nullptr ? 0 : attempt_->metrics().records_in;
  }

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
  std::unique_ptr<Execution> make(ExecutionListener& listener) override {
    if (workers_) return workers_->make(listener);
    return std::make_unique<SteppedTasks>(world_.env(), program_->plan, program_->factories, listener, attempt_);
  }

  // Somebody, from one that the seed picks on; where nobody can do anything, time leaps.
  void step() {
    const std::size_t tasks = workers_ ? workers_->actors() : attempt_ == nullptr ? 0 : attempt_->tasks().size();
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
    if (workers_) return workers_->step(actor - 1);
    Task& task = *attempt_->tasks()[actor - 1];
    return task.state() != Task::State::kEnded && task.step() != Progress::kBlocked;
  }
  std::optional<std::int64_t> next_deadline_ns() const {
    std::optional<std::int64_t> earliest = master_->next_deadline_ns();
    if (workers_) {
      const auto deadline = workers_->next_deadline_ns();
      return deadline ? std::min(earliest.value_or(*deadline), *deadline) : earliest;
    }
    if (attempt_ == nullptr) return earliest;
    for (const auto& task : attempt_->tasks()) {
      if (const auto deadline = task->next_deadline_ns()) earliest = std::min(earliest.value_or(*deadline), *deadline);
    }
    return earliest;
  }

  TestWorld& world_;
  std::unique_ptr<InMemoryProgram> program_;
  std::optional<InMemoryWorkers> workers_;
  TaskSet* attempt_ = nullptr;
  bool over_ = false;
  std::unique_ptr<JobMaster> master_;
};

}  // namespace tidemark
