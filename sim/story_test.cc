// Death at every step and at every operation on files, and each kind of trouble alone: whatever happens, the committed rows
// are those of an undisturbed run. A failure names the seed: TIDEMARK_SEED=<seed> runs that one alone, TIDEMARK_TRACE=1
// shows its steps, TIDEMARK_SEEDS=<n> runs 1 to n where a test runs many.
#include "sim/story.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"

namespace tidemark {
namespace {

constexpr std::int64_t kMs = 1'000'000;

std::optional<std::uint64_t> number_of_environment(const char* name) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::optional{std::strtoull(text, nullptr, 10)} : std::nullopt;
}

bool is_traced() { return std::getenv("TIDEMARK_TRACE") != nullptr; }

std::vector<std::uint64_t> seeds(std::uint64_t count) {
  if (const auto only = number_of_environment("TIDEMARK_SEED")) return {*only};
  std::vector<std::uint64_t> result;
  const std::uint64_t last = number_of_environment("TIDEMARK_SEEDS").value_or(count);
  for (std::uint64_t seed = 1; seed <= last; ++seed) result.push_back(seed);
  return result;
}

// A broken check aborts without gtest's traces: what was simulated is said all the same.
std::string current_scene;

extern "C" void tell_scene(int) { std::fprintf(stderr, "aborted at %s\n", current_scene.c_str()); }

#define SCENE(...)                          \
  current_scene = fmt::format(__VA_ARGS__); \
  SCOPED_TRACE(current_scene)

const WorkloadKind& keyed_counters() { return *std::ranges::find(workload_kinds(), "keyed_counters", &WorkloadKind::name); }

/// A story about counters in which several checkpoints are taken; the caller adds the trouble.
class Counting : public Story {
 public:
  explicit Counting(std::uint64_t seed, std::uint64_t records = 60)
      : Story{seed, keyed_counters(), options_of(seed, records)} {
    CheckpointOptions& checkpoints = options().master.checkpoints;
    checkpoints.max_concurrent = 1 + seed / 2 % 2;
    checkpoints.num_retained = 1 + seed / 4 % 2;
    env().set_pace({.max_step_ns = 60'000, .max_laziness = 32, .leap_one_in = 512});
    if (is_traced()) env().trace().set_echo([](std::string_view line) { fmt::print("{}\n", line); });
  }

  /// Of `calls` of the job's functions from now on, the last one throws.
  void throw_after(std::uint64_t calls) { calls_until_throw_ = calls; }
  bool has_thrown() const { return calls_until_throw_ == 0; }

  /// The process, or its machine, is gone; what it leaves must make sense, and the next one must finish the job.
  void die_and_finish(Death death) {
    env().die(death);
    env().revive();
    check_consistent();
    check_finished(run());
  }

 private:
  WorkloadOptions options_of(std::uint64_t seed, std::uint64_t records) {
    WorkloadOptions options;
    options.seed = seed;
    options.records = records;
    options.parallelism = 1 + static_cast<std::uint32_t>(seed % 2);
    options.bad_luck = [this] { return calls_until_throw_ > 0 && --calls_until_throw_ == 0; };
    return options;
  }

  std::uint64_t calls_until_throw_ = 0;
};

class StoryTest : public testing::Test {
 protected:
  void SetUp() override {
    std::signal(SIGABRT, tell_scene);
    set_log_sink([](std::string_view line) {
      if (is_traced()) fmt::print("{}\n", line.substr(24));
    });
  }
  void TearDown() override { set_log_sink({}); }
};

TEST_F(StoryTest, EveryOrderOfStepsGivesTheSameRows) {
  std::uint64_t completed = 0;
  const auto all = seeds(300);
  for (const std::uint64_t seed : all) {
    SCENE("seed {}", seed);
    Counting story{seed, 200};
    story.check_finished(story.run());
    completed += story.completed();
  }
  EXPECT_TRUE(all.size() == 1 || completed >= 3 * all.size()) << "too few checkpoints to prove anything: " << completed;
}

TEST_F(StoryTest, ThePointerNamesARestorableCheckpointAtAllTimes) {
  for (const std::uint64_t seed : seeds(30)) {
    SCENE("seed {}", seed);
    Counting story{seed};
    std::uint64_t looked_at = 0;
    story.check_finished(story.run([&](SimulatedProcess& process) {
      if (story.env().file_operations() != looked_at) story.check_restorable(process);
      looked_at = story.env().file_operations();
      return false;
    }));
  }
}

TEST_F(StoryTest, TheSameSeedGivesTheSameTraceAcrossADeath) {
  std::uint64_t before = 0;
  for (const std::uint64_t seed : seeds(20)) {
    SCENE("seed {}", seed);
    std::uint64_t digests[2];
    for (std::uint64_t& digest : digests) {
      Counting story{seed};
      story.run([&](SimulatedProcess&) { return story.steps() == 300; });
      story.check_finished(story.run());
      digest = story.env().trace().digest();
    }
    EXPECT_EQ(digests[0], digests[1]);
    EXPECT_NE(digests[0], before);
    before = digests[0];
  }
}

void die_after_every_step(std::uint64_t seed, Death death) {
  bool over = false;
  for (std::uint64_t steps = 0; !over; ++steps) {
    SCENE("seed {}, dies after step {}", seed, steps);
    Counting story{seed, 20};
    over = story.run([&](SimulatedProcess&) { return story.steps() >= steps; }).has_value();
    story.die_and_finish(death);
  }
}

void die_at_every_file_operation(std::uint64_t seed, Death death) {
  bool over = false;
  for (std::uint64_t operations = 0; !over; ++operations) {
    SCENE("seed {}, dies after {} operations on files", seed, operations);
    Counting story{seed, 30};
    story.env().die_after_file_operations(operations, death);
    over = story.run().has_value();
    story.die_and_finish(death);
  }
}

TEST_F(StoryTest, TheProcessDiesAfterEveryStep) {
  for (const std::uint64_t seed : seeds(2)) die_after_every_step(seed, Death::kProcess);
}

TEST_F(StoryTest, TheMachineDiesAfterEveryStep) {
  for (const std::uint64_t seed : seeds(2)) die_after_every_step(seed, Death::kMachine);
}

TEST_F(StoryTest, TheProcessDiesAtEveryFileOperation) {
  for (const std::uint64_t seed : seeds(4)) die_at_every_file_operation(seed, Death::kProcess);
}

TEST_F(StoryTest, TheMachineDiesAtEveryFileOperation) {
  for (const std::uint64_t seed : seeds(4)) die_at_every_file_operation(seed, Death::kMachine);
}

TEST_F(StoryTest, TheMachineDiesAtEveryFileOperationOfTheNextRun) {
  for (const std::uint64_t seed : seeds(3)) {
    bool over = false;
    for (std::uint64_t operations = 0; !over; ++operations) {
      SCENE("seed {}, dies again after {} more operations on files", seed, operations);
      Counting story{seed};
      const std::uint64_t checkpoints = 1 + seed % 3;
      story.run([&](SimulatedProcess& process) { return process.master().checkpoint_stats().completed >= checkpoints; });
      story.env().die(Death::kMachine);
      story.env().die_after_file_operations(story.env().file_operations() + operations, Death::kMachine);
      over = story.run().has_value();
      story.die_and_finish(Death::kMachine);
    }
  }
}

TEST_F(StoryTest, ItDiesAgainAndAgain) {
  for (const std::uint64_t seed : seeds(300)) {
    SCENE("seed {}", seed);
    Counting story{seed};
    for (int death = 0; death < 4; ++death) {
      const std::uint64_t steps = story.env().random().next() % (story.env().one_in(2) ? 100 : 1500);
      story.run([&](SimulatedProcess&) { return story.steps() == steps; });
      story.env().die(story.env().one_in(2) ? Death::kMachine : Death::kProcess);
      story.env().revive();
      story.check_consistent();
    }
    story.check_finished(story.run());
  }
}

TEST_F(StoryTest, AUserFunctionThrowsOnceAndTheJobRestarts) {
  for (const std::uint64_t seed : seeds(200)) {
    SCENE("seed {}", seed);
    Counting story{seed};
    story.throw_after(1 + seed % 100);
    story.options().master.restart = FixedDelayRestart{1, 20 * kMs};
    const auto outcome = story.run();
    story.check_finished(outcome);
    EXPECT_TRUE(story.has_thrown());
    EXPECT_EQ(outcome->restarts, 1u);
  }
}

TEST_F(StoryTest, AUserFunctionThrowsOnceAndTheJobIsResumed) {
  for (const std::uint64_t seed : seeds(100)) {
    SCENE("seed {}", seed);
    Counting story{seed};
    story.throw_after(1 + seed);
    const auto outcome = story.run();
    ASSERT_TRUE(outcome);
    ASSERT_EQ(outcome->state, JobState::kFailed);
    EXPECT_NE(outcome->error->message().find("bad luck"), std::string::npos) << outcome->error->message();
    story.check_consistent();
    story.check_finished(story.run());
  }
}

TEST_F(StoryTest, ItStopsWithACheckpointAndIsResumed) {
  for (const std::uint64_t seed : seeds(100)) {
    SCENE("seed {}", seed);
    Counting story{seed};
    const std::uint64_t when = story.env().random().next() % 600;
    const auto outcome = story.run([&](SimulatedProcess& process) {
      if (story.steps() == when) process.master().request_stop();
      return false;
    });
    ASSERT_TRUE(outcome);
    ASSERT_TRUE(outcome->state == JobState::kStopped || outcome->state == JobState::kFinished)
        << to_string(outcome->state);
    story.check_consistent();
    story.check_finished(story.run());
  }
}

/// Stops with a savepoint, and the next run will claim it in a folder of its own. False if the job was over before.
bool stop_to_claim(Counting& story, std::uint64_t seed) {
  const auto outcome = story.run([&](SimulatedProcess& process) {
    if (story.steps() == 60 + 10 * seed) story.ask_for_savepoint(process, SnapshotOrder::Then::kStop);
    return false;
  });
  if (!outcome || outcome->state != JobState::kStopped) return false;
  story.resume_from(outcome->stopped_checkpoint);
  story.claim_what_is_resumed();
  story.move();
  return true;
}

// What it has claimed is gone at the end, and the folder that it left is as it was: check_finished() looks at both.
void die_at_every_file_operation_with_a_claim(std::uint64_t seed, Death death) {
  bool over = false;
  for (std::uint64_t operations = 0; !over; ++operations) {
    SCENE("seed {}, dies after {} operations on files of a run with a claim", seed, operations);
    Counting story{seed};
    story.options().master.incremental_checkpoints = seed % 2 == 0;
    ASSERT_TRUE(stop_to_claim(story, seed));
    story.env().die_after_file_operations(story.env().file_operations() + operations, death);
    over = story.run().has_value();
    story.die_and_finish(death);
  }
}

TEST_F(StoryTest, TheProcessDiesAtEveryFileOperationWithAClaim) {
  for (const std::uint64_t seed : seeds(2)) die_at_every_file_operation_with_a_claim(seed, Death::kProcess);
}

TEST_F(StoryTest, TheMachineDiesAtEveryFileOperationWithAClaim) {
  for (const std::uint64_t seed : seeds(2)) die_at_every_file_operation_with_a_claim(seed, Death::kMachine);
}

// Who gets it is the job, and finishes; the other is refused, again and again, and leaves everything as it is.
TEST_F(StoryTest, OfTwoWhoClaimASavepointOneGetsIt) {
  std::uint64_t stopped = 0, rivals = 0;
  const auto all = seeds(60);
  for (const std::uint64_t seed : all) {
    SCENE("seed {}", seed);
    Counting story{seed, 200};
    if (!stop_to_claim(story, 1 + seed % 4)) continue;  // it was asked before it could
    ++stopped;
    const std::string dir = story.options().checkpoint_dir;
    if (seed % 2 == 0) story.start_rival();
    const auto outcome = story.run([&](SimulatedProcess&) {
      if (story.steps() % 10 == 0) story.start_rival();
      return false;
    });
    if (story.options().checkpoint_dir != dir) ++rivals;
    story.check_finished(outcome ? outcome : story.run());
  }
  EXPECT_TRUE(all.size() == 1 || (rivals > 0 && rivals < stopped)) << "always the same: " << rivals << " of " << stopped;
}

TEST_F(StoryTest, TheMachineDiesAtEveryFileOperationWhileTwoClaimASavepoint) {
  for (const std::uint64_t seed : seeds(2)) {
    bool over = false;
    for (std::uint64_t operations = 0; !over; ++operations) {
      SCENE("seed {}, dies after {} operations on files of two who claim", seed, operations);
      Counting story{seed};
      ASSERT_TRUE(stop_to_claim(story, seed));
      story.env().die_after_file_operations(story.env().file_operations() + operations, Death::kMachine);
      story.start_rival();
      if (!story.env().dead()) story.run();
      over = !story.env().dead();
      story.env().die(Death::kMachine);
      story.start_rival();
      story.run();
      story.check_consistent();
      story.check_finished(story.run());
    }
  }
}

// A savepoint is deleted on request while the job runs; that request may die at any of its operations, too.
TEST_F(StoryTest, ADisposalDiesAtEveryFileOperation) {
  for (const std::uint64_t seed : seeds(3)) {
    for (std::uint64_t operations = 0; operations < 12; ++operations) {
      SCENE("seed {}, dies after {} operations of a disposal", seed, operations);
      Counting story{seed};
      story.run([&](SimulatedProcess& process) {
        if (story.steps() == 100) story.ask_for_savepoint(process, SnapshotOrder::Then::kGoOn);
        if (story.steps() < 400) return false;
        story.env().die_after_file_operations(story.env().file_operations() + operations, Death::kMachine);
        story.ask_for_disposal();
        return true;
      });
      story.die_and_finish(Death::kProcess);
    }
  }
}

TEST_F(StoryTest, ASavepointThatSomebodyChangedIsFound) {
  Counting story{1};
  const auto outcome = story.run([&](SimulatedProcess& process) {
    if (story.steps() == 70) story.ask_for_savepoint(process, SnapshotOrder::Then::kStop);
    return false;
  });
  ASSERT_EQ(outcome->state, JobState::kStopped);
  story.check_consistent();
  const auto data = value_or_throw(glob(story.env().files(), "/savepoints/*/*.snap"));
  ASSERT_FALSE(data.empty());
  const std::string content = value_or_throw(read_file(story.env().files(), data.front()));
  value_or_throw(replace_file(story.env().files(), data.front(), content.substr(1) + "x"));
  EXPECT_THROW(story.check_consistent(), Wrong);
}

TEST_F(StoryTest, ASharedFileThatNobodyNeedsIsFound) {
  Counting story{1};
  story.options().master.incremental_checkpoints = true;
  const auto outcome = story.run();
  story.check_finished(outcome);
  const auto shared = value_or_throw(glob(story.env().files(), "/checkpoints/*/shared/*.snap"));
  ASSERT_FALSE(shared.empty());
  value_or_throw(replace_file(story.env().files(), parent_path(shared.front()) + "/1-1-counts-0.snap", "left over"));
  EXPECT_THROW(story.check_finished(outcome), Wrong);
}

TEST_F(StoryTest, AnIncrementalCheckpointOutlivesTheMachineAtEveryFileOperation) {
  for (const std::uint64_t seed : seeds(1)) {
    bool over = false;
    for (std::uint64_t operations = 0; !over; ++operations) {
      SCENE("seed {}, incremental, dies after {} operations on files", seed, operations);
      Counting story{seed};
      story.options().master.incremental_checkpoints = true;
      story.env().die_after_file_operations(operations, Death::kMachine);
      over = story.run().has_value();
      story.die_and_finish(Death::kMachine);
    }
  }
}

TEST_F(StoryTest, FilesFailNowAndThen) {
  std::uint64_t failed = 0, failed_checkpoints = 0;
  for (const std::uint64_t seed : seeds(400)) {
    SCENE("seed {}", seed);
    Counting story{seed};
    const std::uint64_t one_in = 10 + seed % 90;
    FileFaults faults;
    (seed % 3 == 0 ? faults.full_disk_one_in : faults.io_error_one_in) = one_in;
    story.env().set_file_faults(faults);
    if (seed % 5 != 0) story.options().master.restart = FixedDelayRestart{3, 20 * kMs};
    const auto outcome = story.run();
    failed_checkpoints += story.failed_checkpoints();
    if (outcome && outcome->state == JobState::kFailed) {
      ++failed;
      EXPECT_NE(outcome->error->message().find("(simulated)"), std::string::npos) << outcome->error->message();
    }
    story.env().set_file_faults({});
    story.check_consistent();
    story.check_finished(story.run());
  }
  EXPECT_TRUE(seeds(2).size() == 1 || (failed > 0 && failed_checkpoints > 0)) << failed << ", " << failed_checkpoints;
}

}  // namespace
}  // namespace tidemark
