// Several workers share a job's tasks, with a network in memory between them. Whatever runs where, and whatever breaks between
// them, all rows together are those of one process that nobody disturbs.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "base/log.h"
#include "deals_job.h"
#include "halved_job.h"
#include "ledger_job.h"
#include "visits_job.h"

namespace tidemark {
namespace {

using Case = std::tuple<HalvedJob (*)(), std::uint32_t, bool>;

std::string name_of_case(const testing::TestParamInfo<Case>& info) {
  const auto& [make_job, workers, spills_state] = info.param;
  return make_job().name + "On" + std::to_string(workers) + (spills_state ? "WithAStore" : "");
}

class Workers : public testing::TestWithParam<Case> {
 protected:
  static void SetUpTestSuite() {
    set_log_sink([](std::string_view) {});
  }
  static void TearDownTestSuite() { set_log_sink({}); }

  void expect_all_rows(const std::vector<std::string>& rows) {
    const std::vector<std::string> expected = undisturbed(job_);
    ASSERT_EQ(difference(rows, expected), "");
    ASSERT_EQ(rows.size(), expected.size());
  }
  bool spills_state() const { return std::get<2>(GetParam()); }
  Shape shape(std::uint32_t parallelism) const {
    return {.spills_state = spills_state(), .parallelism = parallelism, .workers = std::get<1>(GetParam())};
  }

  /// Of a job that goes on when it fails.
  InMemorySettings with_restarts(TestWorld& world) const {
    world.spills_state = spills_state();
    InMemorySettings settings = settings_of(shape(3), spills_state());
    settings.master.restart = FixedDelayRestart{.attempts = 5, .delay_ns = 10'000'000};
    return settings;
  }

  const HalvedJob job_ = std::get<0>(GetParam())();
};
INSTANTIATE_TEST_SUITE_P(All, Workers,
                         testing::Combine(testing::Values(&ledger::job, &deals::job, &visits::job), testing::Values(2u, 3u), testing::Bool()), name_of_case);

TEST_P(Workers, AJobInSeveralProcessesGivesTheSameRows) {
  for (const std::uint32_t parallelism : {3u, 4u}) {
    TestWorld world{parallelism};
    job_.write_input(world.files);
    ASSERT_NO_FATAL_FAILURE(expect_all_rows(run_to_the_end(world, job_.before, shape(parallelism), false, 1)));
  }
}

TEST_P(Workers, AJobMovesBetweenOneProcessAndSeveral) {
  const Shape alone{.parallelism = 2};
  for (const auto& [from, to] : {std::pair{alone, shape(3)}, std::pair{shape(4), alone}, std::pair{shape(3), shape(5)}}) {
    for (const StopWith with : {StopWith::kCheckpoint, StopWith::kSavepoint, StopWith::kDeath}) {
      TestWorld world{7};
      ASSERT_NO_FATAL_FAILURE(run_first_half(world, job_, from, true, with));
      world.clock.set_wall_ms(world.clock.wall_ms() + 60'000);
      ASSERT_NO_FATAL_FAILURE(expect_all_rows(run_to_the_end(world, job_.before, to, true, 2)));
    }
  }
}

// A barrier then comes from another worker before the master's word of its checkpoint.
TEST_P(Workers, ACheckpointHasAllStateHoweverLateTheMasterIsHeard) {
  TestWorld world{11};
  job_.write_input(world.files);
  InMemoryJob job{world, [&](Job& j) { job_.before.build(j, {1, world.files}); }, with_restarts(world)};
  ASSERT_TRUE(job.run_until_read(job_.records / 4));
  job.workers().delay_master(1, 50'000'000);
  ASSERT_TRUE(job.take_checkpoint());
  job.workers().reset(0, 1);
  const JobOutcome& outcome = job.run();
  ASSERT_EQ(outcome.state, JobState::kFinished) << (outcome.error ? outcome.error->message() : "");
  expect_all_rows(job_.before.rows(world, outcome));
}

TEST_P(Workers, AConnectionThatBreaksCostsARestartAndNoRow) {
  TestWorld world{5};
  job_.write_input(world.files);
  InMemoryJob job{world, [&](Job& j) { job_.before.build(j, {1, world.files}); }, with_restarts(world)};
  for (const std::uint64_t part : {4, 2}) {
    ASSERT_TRUE(job.run_until_read(job_.records / part));
    ASSERT_TRUE(job.take_checkpoint());
    job.workers().reset(0, 1);
  }
  const JobOutcome& outcome = job.run();
  ASSERT_EQ(outcome.state, JobState::kFinished) << (outcome.error ? outcome.error->message() : "");
  EXPECT_GE(job.master().status().restarts, 2u);
  expect_all_rows(job_.before.rows(world, outcome));
}

struct Tick {
  std::int64_t at = 0;
};

// The fast one has a reader in either worker, the slow one its only reader in the first.
TEST(AlignedWorkers, AReaderWaitsForASlowerOneOfAnotherWorker) {
  static constexpr std::uint64_t kTicks = 64'000;
  static constexpr std::int64_t kDrift_ms = 5'000;
  static constexpr std::int64_t kSlack_ms = 4'000;  // a batch, and the splits that others have
  const auto build = [](Job& job) {
    const auto tick = [](std::uint64_t n) { return Tick{static_cast<std::int64_t>(n)}; };
    const AlignmentGroup group{std::chrono::milliseconds{kDrift_ms}};
    job.from(generate<Tick>(kTicks, tick).event_time(&Tick::at).align(group)).uid("fast").name("fast").to(discard()).uid("gone");
    job.from(generate<Tick>(kTicks, tick).event_time(&Tick::at).align(group).rate(1'000)).uid("slow").name("slow").parallelism(1).to(discard()).uid("gone-too");
  };
  TestWorld world{17};
  InMemoryJob job{world, build, {.parallelism = 2, .workers = 2}};
  const auto time_of = [](const VertexMetrics& vertex, std::size_t subtask) {
    return std::max<std::int64_t>(vertex.subtasks[subtask].operators[0].watermark_out_ms, 0);
  };
  std::int64_t slow_ms = 0;
  for (std::uint64_t read = 1'000; read < kTicks && job.run_until_read(read); read += 1'000) {
    const std::vector<VertexMetrics> vertices = job.workers().vertex_metrics();
    const auto fast = std::ranges::find_if(vertices, [](const VertexMetrics& each) { return each.operators[0] == "fast"; });
    const auto slow = std::ranges::find_if(vertices, [](const VertexMetrics& each) { return each.operators[0] == "slow"; });
    ASSERT_EQ(fast->subtasks.size(), 2u);
    ASSERT_EQ(slow->subtasks.size(), 1u);
    slow_ms = time_of(*slow, 0);
    EXPECT_LE(time_of(*fast, 1), slow_ms + kDrift_ms + kSlack_ms);
  }
  EXPECT_GT(slow_ms, 10'000);
}

}  // namespace
}  // namespace tidemark
