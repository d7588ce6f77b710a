// The master on its own thread, the pool and the tasks on theirs: for the thread sanitizer, and for the parking.
#include <gtest/gtest.h>

#include <mutex>
#include <thread>

#include "base/log.h"
#include "coordinator/simulated_job.h"
#include "env/thread_pool.h"

namespace tidemark {
namespace {

class SystemClock final : public Clock {
 public:
  std::int64_t wall_ms() const override { return steady_ns() / kMs; }
  std::int64_t steady_ns() const override { return std::chrono::steady_clock::now().time_since_epoch().count(); }
};

/// A SimulatedExecution on a thread of its own.
class ThreadedExecution final : public Execution {
 public:
  ThreadedExecution(World& world, ExecutionListener& listener) : inner_{world, listener}, thread_{[this] { work(); }} {}
  ~ThreadedExecution() override { thread_.join(); }

  void start(AttemptStart start) override {
    post([this, start = std::move(start)]() mutable { inner_.start(std::move(start)); });
  }
  void trigger(const Barrier& barrier, const std::string& folder) override {
    post([this, barrier, folder] { inner_.trigger(barrier, folder); });
  }
  void notify_complete(CheckpointId id) override {
    post([this, id] { inner_.notify_complete(id); });
  }
  void notify_aborted(CheckpointId id) override {
    post([this, id] { inner_.notify_aborted(id); });
  }
  void drain() override {
    post([this] { inner_.drain(); });
  }
  void finish() override {
    post([this] { inner_.finish(); });
  }
  void cancel() override {
    post([this] { inner_.cancel(); });
  }

 private:
  void post(Mailbox::Mail mail) { inbox_.mailbox.post(std::move(mail)); }
  void work() {
    while (!inner_.over()) {
      if (inbox_.mailbox.run_all() || inner_.step()) continue;
      inbox_.wakeup->park([this] { return inbox_.mailbox.has_mail(); });
    }
  }

  MasterInbox inbox_;
  SimulatedExecution inner_;
  std::thread thread_;
};

class ThreadedFactory final : public ExecutionFactory {
 public:
  explicit ThreadedFactory(World& world) : world_{world} {}
  std::unique_ptr<Execution> make(ExecutionListener& listener) override {
    return std::make_unique<ThreadedExecution>(world_, listener);
  }

 private:
  World& world_;
};

class JobMasterThreadsTest : public testing::Test {
 protected:
  void SetUp() override {
    set_log_sink([](std::string_view) {});
  }
  void TearDown() override { set_log_sink({}); }

  static JobMasterOptions options() {
    JobMasterOptions options;
    options.checkpoints.interval_ns = kMs;
    options.checkpoints.max_concurrent = 2;
    options.restart = FixedDelayRestart{1'000'000, kMs / 10};
    return options;
  }
};

TEST_F(JobMasterThreadsTest, RunsToItsEndAcrossFailures) {
  SystemClock clock;
  World world{1};
  world.records = 20'000;
  world.faults.fail_one_in = 15'000;
  ThreadPool pool{2};
  ThreadedFactory factory{world};
  JobMaster master{{.clock = &clock, .random = &world.random, .files = &world.files, .pool = &pool},
                   counting_job(),
                   value_or_throw(SimulatedRun::open_store(world)),
                   factory,
                   options()};
  std::thread watcher{[&] {
    while (!is_over(master.status().state)) std::ignore = master.checkpoint_stats().completed;
  }};
  EXPECT_EQ(master.run_until_done().state, JobState::kFinished);
  watcher.join();
  EXPECT_EQ(output_fault(world), "");
}

TEST_F(JobMasterThreadsTest, AStopFromAnotherThreadEndsIt) {
  SystemClock clock;
  World world{2};
  world.records = 400'000'000;
  ThreadPool pool{2};
  ThreadedFactory factory{world};
  JobMaster master{{.clock = &clock, .random = &world.random, .files = &world.files, .pool = &pool},
                   counting_job(),
                   value_or_throw(SimulatedRun::open_store(world)),
                   factory,
                   options()};
  std::thread stopper{[&] {
    while (master.checkpoint_stats().completed == 0) std::this_thread::yield();
    master.request_stop();
  }};
  EXPECT_EQ(master.run_until_done().state, JobState::kStopped);
  stopper.join();
}

TEST_F(JobMasterThreadsTest, ACancelFromAnotherThreadEndsIt) {
  SystemClock clock;
  World world{3};
  world.records = 400'000'000;
  ThreadPool pool{2};
  ThreadedFactory factory{world};
  JobMaster master{{.clock = &clock, .random = &world.random, .files = &world.files, .pool = &pool}, counting_job(), nullptr, factory, options()};
  std::thread canceller{[&] {
    while (master.status().state != JobState::kRunning) std::this_thread::yield();
    master.request_cancel();
  }};
  EXPECT_EQ(master.run_until_done().state, JobState::kCancelled);
  canceller.join();
}

}  // namespace
}  // namespace tidemark
