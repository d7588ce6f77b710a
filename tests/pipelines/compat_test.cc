// State that earlier builds have written: tests/compat/v1 holds what the jobs of ledger_job.h and visits_job.h left in the middle
// of their input, in each way of leaving it. Every later build must go on from there, at any parallelism and in its next version.
//
// TIDEMARK_WRITE_FIXTURES=1 writes what is not there yet: a fixture is never written anew.
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "base/log.h"
#include "env/posix_file_system.h"
#include "halved_job.h"
#include "ledger_job.h"
#include "snapshot/copied_tree.h"
#include "visits_job.h"

namespace tidemark {
namespace {

const HalvedJob& ledger_job() {
  static const HalvedJob job = ledger::job();
  return job;
}
const HalvedJob& visits_job() {
  static const HalvedJob job = visits::job();
  return job;
}

struct Fixture {
  const HalvedJob& (*job)();
  std::string folder;
  StopWith with;
  bool incremental = false;
  bool spills_state = false;
};

const std::vector<Fixture>& fixtures() {
  static const std::vector<Fixture> all = [] {
    std::vector<Fixture> fixtures;
    for (const auto job : {ledger_job, visits_job}) {
      fixtures.insert(fixtures.end(), {
                                          {.job = job, .folder = "checkpoint", .with = StopWith::kCheckpoint},
                                          {.job = job, .folder = "savepoint", .with = StopWith::kSavepoint},
                                          {.job = job, .folder = "incremental", .with = StopWith::kCheckpoint, .incremental = true},
                                          {.job = job, .folder = "spilled", .with = StopWith::kCheckpoint, .spills_state = true},
                                      });
    }
    return fixtures;
  }();
  return all;
}

std::string path_of(const Fixture& fixture) { return TIDEMARK_SOURCE_DIR "/tests/compat/v1/" + fixture.job().name + "/" + fixture.folder; }

void write(const Fixture& fixture) {
  FileSystem& disk = posix_file_system();
  if (disk.stat(path_of(fixture))) return;
  TestWorld world{1};
  run_first_half(world, fixture.job(), {.spills_state = fixture.spills_state, .parallelism = 2}, fixture.incremental, fixture.with);
  value_or_throw(world.files.remove("/state/job/LOCK"));
  copy_tree(world.files, "/", disk, path_of(fixture));
}

class CompatV1 : public testing::TestWithParam<Fixture> {
 protected:
  static void SetUpTestSuite() {
    set_log_sink([](std::string_view) {});
    if (std::getenv("TIDEMARK_WRITE_FIXTURES") == nullptr) return;
    for (const Fixture& fixture : fixtures()) write(fixture);
  }
  static void TearDownTestSuite() { set_log_sink({}); }

  void expect_the_rows_of_an_undisturbed_run(const JobVersion& version, Shape shape) {
    TestWorld world{2};
    copy_tree(posix_file_system(), path_of(GetParam()), world.files, "/");
    world.clock.set_wall_ms(60'000);
    const auto rows = run_to_the_end(world, version, shape, GetParam().incremental, 2);
    EXPECT_EQ(difference(rows, undisturbed(GetParam().job())), "");
  }
};
INSTANTIATE_TEST_SUITE_P(All, CompatV1, testing::ValuesIn(fixtures()),
                         [](const auto& of) { return of.param.job().name + "_" + of.param.folder; });

TEST_P(CompatV1, AJobGoesOnFromIt) {
  const JobVersion& same = GetParam().job().before;
  expect_the_rows_of_an_undisturbed_run(same, {.parallelism = 2});
  expect_the_rows_of_an_undisturbed_run(same, {.spills_state = true, .parallelism = 2});
}

TEST_P(CompatV1, AtAnyParallelismAndInItsNextVersion) {
  for (const std::uint32_t parallelism : {1, 3}) {
    expect_the_rows_of_an_undisturbed_run(GetParam().job().after, {.parallelism = parallelism});
  }
}

}  // namespace
}  // namespace tidemark
