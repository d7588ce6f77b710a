// A job that was drained is over: time has come to its end in it. Whoever goes on from its savepoint commits what its sinks
// had only prepared, and reads nothing more.
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "deals_job.h"
#include "halved_job.h"
#include "ledger_job.h"

namespace tidemark {
namespace {

class Drain : public testing::TestWithParam<std::uint32_t> {
 protected:
  static void SetUpTestSuite() {
    set_log_sink([](std::string_view) {});
  }
  static void TearDownTestSuite() { set_log_sink({}); }

  static JobOutcome drain_midway(TestWorld& world, const HalvedJob& halved) {
    halved.write_input(world.files);
    InMemoryJob job{world, [&](Job& j) { halved.before.build(j, {1, world.files}); }, settings_of({.parallelism = GetParam()}, false)};
    EXPECT_TRUE(job.run_until_read(halved.records / 2));
    job.master().request_snapshot({.then = SnapshotOrder::Then::kDrain, .dir = "/savepoints"}, [](const Result<SnapshotTaken>&) {});
    return job.run();
  }
  /// From the moment that the savepoint is complete.
  static void fail_commits(TestWorld& world) {
    world.files.set_hook([complete = false](FileOperation operation, const std::string& path) mutable -> std::optional<Error> {
      if (operation != FileOperation::kRename) return std::nullopt;
      complete = complete || (path.starts_with("/savepoints") && path.contains("_metadata"));
      if (!complete || !path.starts_with("/out")) return std::nullopt;
      return Error{ErrorCode::kIo, "a bad sector"};
    });
  }
};
INSTANTIATE_TEST_SUITE_P(Parallelism, Drain, testing::Values(1, 3));

TEST_P(Drain, WhatWasNotCommittedIsCommittedByTheNextLifeThatReadsNothingMore) {
  for (const HalvedJob& halved : {ledger::job(), deals::job()}) {
    SCOPED_TRACE(halved.name);
    TestWorld quiet{1};
    const JobOutcome drained = drain_midway(quiet, halved);
    ASSERT_EQ(drained.state, JobState::kStopped);
    const std::vector<std::string> expected = halved.before.rows(quiet, drained);
    EXPECT_LT(expected.size(), undisturbed(halved).size()) << "it has read but half of its input";

    TestWorld world{1};
    fail_commits(world);
    const JobOutcome failed = drain_midway(world, halved);
    ASSERT_EQ(failed.state, JobState::kFailed);
    ASSERT_TRUE(failed.kept.starts_with("/savepoints")) << failed.error->message();
    ASSERT_NE(difference(halved.before.rows(world, failed), expected), "");
    world.files.set_hook(nullptr);
    for (int life = 2; life < 4; ++life) {
      EXPECT_EQ(difference(run_to_the_end(world, halved.before, {.parallelism = 2}, false, life), expected), "");
    }
  }
}

}  // namespace
}  // namespace tidemark
