// A whole job in the simulator: whatever the order of its steps, and wherever it dies, the committed rows are those of
// an undisturbed run. A failure names the seed: TIDEMARK_SEED=<seed> runs that one alone, TIDEMARK_TRACE=1 shows its
// steps, TIDEMARK_SEEDS=<n> runs 1 to n where a test runs many.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "sim/counting_job.h"
#include "snapshot/checkpoint_store.h"

namespace tidemark {
namespace {

constexpr std::int64_t kMs = 1'000'000;
constexpr int kMaxSteps = 100'000;

std::optional<std::uint64_t> number_of_environment(const char* name) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::optional{std::strtoull(text, nullptr, 10)} : std::nullopt;
}

std::vector<std::uint64_t> seeds(std::uint64_t count) {
  if (const auto only = number_of_environment("TIDEMARK_SEED")) return {*only};
  std::vector<std::uint64_t> result;
  const std::uint64_t last = number_of_environment("TIDEMARK_SEEDS").value_or(count);
  for (std::uint64_t seed = 1; seed <= last; ++seed) result.push_back(seed);
  return result;
}

// A broken check aborts without gtest's traces: what was simulated is said all the same.
std::string current_scene;

extern "C" void tell_scene(int) {
  std::fprintf(stderr, "aborted at %s\n", current_scene.c_str());
}

#define SCENE(...)                        \
  current_scene = fmt::format(__VA_ARGS__); \
  SCOPED_TRACE(current_scene)

/// A world, the job, and the processes that run it one after the other. What goes wrong is a failure of the test.
class Story {
 public:
  explicit Story(std::uint64_t seed) : env{seed} {
    job.parallelism = 1 + static_cast<std::uint32_t>(seed % 2);
    options.master.checkpoints.interval_ns = 4 * kMs;
    options.master.checkpoints.timeout_ns = 100 * kMs;
    options.master.checkpoints.max_concurrent = 1 + seed / 2 % 2;
    options.master.checkpoints.num_retained = 1 + seed / 4 % 2;
    // Time leaps, so that any checkpoint may expire; the last one is tried until it succeeds.
    options.master.checkpoints.closing_attempts = 1000;
    options.master.checkpoints.closing_retry_pause_ns = 5 * kMs;
    if (std::getenv("TIDEMARK_TRACE") != nullptr) {
      env.trace().set_echo([](std::string_view line) { fmt::print("{}\n", line); });
    }
  }

  using Condition = std::function<bool(SimulatedProcess&)>;

  static bool never(SimulatedProcess&) { return false; }

  /// Steps a new process until it can't go on, is dead, or `enough` says so; then it is gone. How the job ended, if it
  /// did.
  std::optional<JobOutcome> run(const Condition& enough = never) {
    env.revive();
    auto started = SimulatedProcess::start(env, job.build(), options);
    if (!started) {
      EXPECT_TRUE(env.dead() || has_file_faults) << "the job can't start: " << started.error().message();
      return std::nullopt;
    }
    SimulatedProcess& process = **started;
    for (steps = 0; process.step() && !enough(process); ++steps) {
      if (steps < kMaxSteps) continue;
      ADD_FAILURE() << "the job does not end; it is " << to_string(process.master().status().state);
      break;
    }
    EXPECT_FALSE(process.stuck()) << "nobody can go on; the job is " << to_string(process.master().status().state);
    const CheckpointStats stats = process.master().checkpoint_stats();
    completed += stats.completed;
    if (stats.last_completed) newest_complete = stats.last_completed->id;
    return process.over() ? std::optional{process.master().outcome()} : std::nullopt;
  }

  /// As a new process would find things now.
  void expect_consistent() {
    env.revive();
    EXPECT_EQ(job.check_so_far(env.files()), std::nullopt);
    const auto store = CheckpointStore::open(env.files(), options.checkpoint_dir, job.name, options.resume);
    ASSERT_TRUE(store) << store.error().message();
    const auto restorable = (*store)->restorable();
    ASSERT_TRUE(restorable) << restorable.error().message();
    EXPECT_GE(*restorable ? (*restorable)->id : 0, newest_complete);
  }

  /// The same of a process that still runs: its pointer names checkpoints that are there, and none older than it said.
  void expect_restorable(SimulatedProcess& process) {
    const std::string folder = join_path(options.checkpoint_dir, job.name);
    const std::string path = join_path(folder, "CURRENT");
    const auto bytes = read_file(env.files(), path);
    if (!bytes) {
      EXPECT_EQ(process.master().checkpoint_stats().completed, 0u);
      return;
    }
    const CheckpointPointer pointer = value_or_throw(decode_pointer(*bytes, path));
    const auto last = process.master().checkpoint_stats().last_completed;
    EXPECT_GE(pointer.checkpoints.empty() ? 0 : pointer.checkpoints.back().id, last ? last->id : 0);
    for (const RetainedCheckpoint& checkpoint : pointer.checkpoints) {
      const std::string name = fmt::format("chk-{}-{}", checkpoint.id, checkpoint.attempt);
      const auto loaded = load_checkpoint(env.files(), join_path(folder, name));
      EXPECT_TRUE(loaded) << loaded.error().message();
    }
  }

  void expect_finished(const std::optional<JobOutcome>& outcome) {
    ASSERT_TRUE(outcome);
    ASSERT_EQ(outcome->state, JobState::kFinished) << (outcome->error ? outcome->error->message() : "");
    EXPECT_EQ(job.check_finished(env.files()), std::nullopt);
    std::vector<std::string> checkpoints;
    for (const DirectoryEntry& entry : value_or_throw(env.files().list(join_path(options.checkpoint_dir, job.name)))) {
      if (entry.is_directory) checkpoints.push_back(entry.name);
    }
    EXPECT_GE(checkpoints.size(), 1u);
    EXPECT_LE(checkpoints.size(), options.master.checkpoints.num_retained)
        << fmt::format("{}", fmt::join(checkpoints, ", "));
  }

  SimulatedEnv env;
  CountingJob job;
  ProcessOptions options;
  bool has_file_faults = false;
  int steps = 0;                     // of the last process
  std::uint64_t completed = 0;       // checkpoints, of all processes
  CheckpointId newest_complete = 0;  // that the last process knew of
};

class CountingJobTest : public testing::Test {
 protected:
  void SetUp() override {
    std::signal(SIGABRT, tell_scene);
    set_log_sink([](std::string_view line) {
      if (std::getenv("TIDEMARK_TRACE") != nullptr) fmt::print("{}\n", line.substr(24));
    });
  }
  void TearDown() override { set_log_sink({}); }
};

TEST_F(CountingJobTest, EveryOrderOfStepsGivesTheSameRows) {
  std::uint64_t completed = 0;
  const auto all = seeds(300);
  for (const std::uint64_t seed : all) {
    SCENE("seed {}", seed);
    Story story{seed};
    story.job.records = 200;
    story.job.parallelism = 1 + static_cast<std::uint32_t>(seed % 4);
    story.expect_finished(story.run());
    completed += story.completed;
    ASSERT_FALSE(HasFailure());
  }
  EXPECT_TRUE(all.size() == 1 || completed >= 3 * all.size()) << "too few checkpoints to prove anything: " << completed;
}

TEST_F(CountingJobTest, ThePointerNamesARestorableCheckpointAtAllTimes) {
  for (const std::uint64_t seed : seeds(30)) {
    SCENE("seed {}", seed);
    Story story{seed};
    std::uint64_t looked_at = 0;
    story.expect_finished(story.run([&](SimulatedProcess& process) {
      if (story.env.file_operations() != looked_at) story.expect_restorable(process);
      looked_at = story.env.file_operations();
      return HasFailure();
    }));
    ASSERT_FALSE(HasFailure());
  }
}

TEST_F(CountingJobTest, TheSameSeedGivesTheSameTrace) {
  std::uint64_t before = 0;
  for (const std::uint64_t seed : seeds(20)) {
    SCENE("seed {}", seed);
    std::uint64_t digests[2];
    for (std::uint64_t& digest : digests) {
      Story story{seed};
      story.run([&](SimulatedProcess&) { return story.steps == 300; });
      story.expect_finished(story.run());
      digest = story.env.trace().digest();
    }
    EXPECT_EQ(digests[0], digests[1]);
    EXPECT_NE(digests[0], before);
    before = digests[0];
  }
}

void die_after_every_step(std::uint64_t seed, Death death, int stride) {
  bool over = false;
  for (int steps = 0; !over; steps += stride) {
    SCENE("seed {}, dies after step {}", seed, steps);
    Story story{seed};
    story.job.records = 40;
    over = story.run([&](SimulatedProcess&) { return story.steps >= steps; }).has_value();
    story.env.die(death);
    story.expect_consistent();
    story.expect_finished(story.run());
    ASSERT_FALSE(testing::Test::HasFailure());
  }
}

void die_at_every_file_operation(std::uint64_t seed, Death death) {
  bool over = false;
  for (std::uint64_t operations = 0; !over; ++operations) {
    SCENE("seed {}, dies after {} operations on files", seed, operations);
    Story story{seed};
    story.job.records = 40;
    story.env.die_after_file_operations(operations, death);
    over = story.run().has_value();
    story.env.die(death);
    story.expect_consistent();
    story.expect_finished(story.run());
    ASSERT_FALSE(testing::Test::HasFailure());
  }
}

TEST_F(CountingJobTest, TheProcessDiesAfterEveryStep) {
  for (const std::uint64_t seed : seeds(2)) die_after_every_step(seed, Death::kProcess, 1);
}

TEST_F(CountingJobTest, TheMachineDiesAfterEveryStep) {
  for (const std::uint64_t seed : seeds(2)) die_after_every_step(seed, Death::kMachine, 1);
}

TEST_F(CountingJobTest, TheProcessDiesAtEveryFileOperation) {
  for (const std::uint64_t seed : seeds(4)) die_at_every_file_operation(seed, Death::kProcess);
}

TEST_F(CountingJobTest, TheMachineDiesAtEveryFileOperation) {
  for (const std::uint64_t seed : seeds(4)) die_at_every_file_operation(seed, Death::kMachine);
}

TEST_F(CountingJobTest, TheMachineDiesAtEveryFileOperationOfTheNextRun) {
  for (const std::uint64_t seed : seeds(3)) {
    bool over = false;
    for (std::uint64_t operations = 0; !over; ++operations) {
      SCENE("seed {}, dies again after {} more operations on files", seed, operations);
      Story story{seed};
      const std::uint64_t checkpoints = 1 + seed % 3;
      const auto enough = [&](SimulatedProcess& process) {
        return process.master().checkpoint_stats().completed >= checkpoints;
      };
      story.run(enough);
      story.env.die(Death::kMachine);
      story.env.die_after_file_operations(story.env.file_operations() + operations, Death::kMachine);
      over = story.run().has_value();
      story.env.die(Death::kMachine);
      story.expect_consistent();
      story.expect_finished(story.run());
      ASSERT_FALSE(HasFailure());
    }
  }
}

TEST_F(CountingJobTest, ItDiesAgainAndAgain) {
  for (const std::uint64_t seed : seeds(300)) {
    SCENE("seed {}", seed);
    Story story{seed};
    for (int death = 0; death < 4; ++death) {
      const auto steps = static_cast<int>(story.env.random().next() % (story.env.one_in(2) ? 100 : 1500));
      story.run([&](SimulatedProcess&) { return story.steps == steps; });
      story.env.die(story.env.one_in(2) ? Death::kMachine : Death::kProcess);
      story.expect_consistent();
      ASSERT_FALSE(HasFailure());
    }
    story.expect_finished(story.run());
    ASSERT_FALSE(HasFailure());
  }
}

TEST_F(CountingJobTest, AUserFunctionThrowsOnceAndTheJobRestarts) {
  for (const std::uint64_t seed : seeds(200)) {
    SCENE("seed {}", seed);
    Story story{seed};
    story.job.throw_at = 1 + seed % (story.job.records - 1);
    story.options.master.restart = FixedDelayRestart{1, 20 * kMs};
    const auto outcome = story.run();
    story.expect_finished(outcome);
    ASSERT_FALSE(HasFailure());
    EXPECT_EQ(outcome->restarts, 1u);
  }
}

TEST_F(CountingJobTest, AUserFunctionThrowsOnceAndTheJobIsResumed) {
  for (const std::uint64_t seed : seeds(100)) {
    SCENE("seed {}", seed);
    Story story{seed};
    story.job.throw_at = 1 + seed % (story.job.records - 1);
    const auto outcome = story.run();
    ASSERT_TRUE(outcome);
    ASSERT_EQ(outcome->state, JobState::kFailed);
    EXPECT_NE(outcome->error->message().find("bad luck"), std::string::npos) << outcome->error->message();
    story.expect_consistent();
    story.expect_finished(story.run());
    ASSERT_FALSE(HasFailure());
  }
}

TEST_F(CountingJobTest, ItStopsWithACheckpointAndIsResumed) {
  for (const std::uint64_t seed : seeds(100)) {
    SCENE("seed {}", seed);
    Story story{seed};
    const int when = static_cast<int>(story.env.random().next() % 600);
    const auto outcome = story.run([&](SimulatedProcess& process) {
      if (story.steps == when) process.master().request_stop();
      return false;
    });
    ASSERT_TRUE(outcome);
    ASSERT_TRUE(outcome->state == JobState::kStopped || outcome->state == JobState::kFinished)
        << to_string(outcome->state);
    story.expect_consistent();
    story.expect_finished(story.run());
    ASSERT_FALSE(HasFailure());
  }
}

TEST_F(CountingJobTest, FilesFailNowAndThen) {
  int failed = 0, failed_checkpoints = 0;
  for (const std::uint64_t seed : seeds(400)) {
    SCENE("seed {}", seed);
    Story story{seed};
    const std::uint64_t one_in = 10 + seed % 90;
    story.has_file_faults = true;
    FileFaults faults;
    (seed % 3 == 0 ? faults.full_disk_one_in : faults.io_error_one_in) = one_in;
    story.env.set_file_faults(faults);
    if (seed % 5 != 0) story.options.master.restart = FixedDelayRestart{3, 20 * kMs};
    const auto outcome = story.run([&](SimulatedProcess& process) {
      if (process.master().checkpoint_stats().failed > 0) ++failed_checkpoints;
      return false;
    });
    if (outcome && outcome->state == JobState::kFailed) {
      ++failed;
      EXPECT_NE(outcome->error->message().find("(simulated)"), std::string::npos) << outcome->error->message();
    }
    story.env.set_file_faults({});
    story.has_file_faults = false;
    story.expect_consistent();
    story.expect_finished(story.run());
    ASSERT_FALSE(HasFailure());
  }
  EXPECT_TRUE(seeds(2).size() == 1 || (failed > 0 && failed_checkpoints > 0)) << failed << ", " << failed_checkpoints;
}

}  // namespace
}  // namespace tidemark
