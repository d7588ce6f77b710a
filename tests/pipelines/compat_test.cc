// State that earlier builds have written: tests/compat/v1 holds what the job of ledger_job.h left in the middle of its
// input, in each way of leaving it. Every later build must go on from there, at any parallelism and in its next version.
//
// TIDEMARK_WRITE_FIXTURES=1 writes what is not there yet: a fixture is never written anew.
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "base/log.h"
#include "env/posix_file_system.h"
#include "ledger_job.h"
#include "snapshot/copied_tree.h"

namespace tidemark {
namespace {

using namespace ledger;

struct Fixture {
  std::string folder;
  StopWith with;
  bool incremental = false;
  bool spills_state = false;
};

const std::vector<Fixture>& fixtures() {
  static const std::vector<Fixture> all = {
      {.folder = "checkpoint", .with = StopWith::kCheckpoint},
      {.folder = "savepoint", .with = StopWith::kSavepoint},
      {.folder = "incremental", .with = StopWith::kCheckpoint, .incremental = true},
      {.folder = "spilled", .with = StopWith::kCheckpoint, .spills_state = true},
  };
  return all;
}

std::string path_of(const Fixture& fixture) { return TIDEMARK_SOURCE_DIR "/tests/compat/v1/ledger/" + fixture.folder; }

void write(const Fixture& fixture) {
  FileSystem& disk = posix_file_system();
  if (disk.stat(path_of(fixture))) return;
  TestWorld world{1};
  run_first_half<Before>(world, {.spills_state = fixture.spills_state, .parallelism = 2}, fixture.incremental, fixture.with);
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

  template <class Types>
  void expect_the_rows_of_an_undisturbed_run(Shape shape) {
    TestWorld world{2};
    copy_tree(posix_file_system(), path_of(GetParam()), world.files, "/");
    world.clock.set_wall_ms(60'000);
    const auto rows = run_to_the_end<Types>(world, shape, GetParam().incremental, 2);
    EXPECT_EQ(difference(rows, undisturbed()), "");
  }
};
INSTANTIATE_TEST_SUITE_P(All, CompatV1, testing::ValuesIn(fixtures()),
                         [](const auto& of) { return of.param.folder; });

TEST_P(CompatV1, AJobGoesOnFromIt) {
  expect_the_rows_of_an_undisturbed_run<Before>({.parallelism = 2});
  expect_the_rows_of_an_undisturbed_run<Before>({.spills_state = true, .parallelism = 2});
}

TEST_P(CompatV1, AtAnyParallelismAndInItsNextVersion) {
  for (const std::uint32_t parallelism : {1, 3}) expect_the_rows_of_an_undisturbed_run<After>({.parallelism = parallelism});
}

}  // namespace
}  // namespace tidemark
