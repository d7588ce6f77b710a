// State that earlier builds have written: tests/compat/v1 holds what the jobs of ledger_job.h, visits_job.h and deals_job.h left in the
// middle of their input, in each way of leaving it, and that of cards_job.h in RocksDB's own files. Every later build must go on
// from there, at any parallelism and in its next version.
//
// TIDEMARK_WRITE_FIXTURES=1 writes what is not there yet: a fixture is never written anew.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/log.h"
#include "cards_job.h"
#include "deals_job.h"
#include "env/posix_file_system.h"
#include "graph/kept_types.h"
#include "halved_job.h"
#include "ledger_job.h"
#include "rocksdb_world.h"
#include "snapshot/checkpoint_store.h"
#include "snapshot/copied_tree.h"
#include "snapshot/snapshot_file_reader.h"
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
const HalvedJob& deals_job() {
  static const HalvedJob job = deals::job();
  return job;
}
const HalvedJob& cards_job() {
  static const HalvedJob job = cards::job();
  return job;
}

struct Fixture {
  const HalvedJob& (*job)();
  std::string folder;
  StopWith with;
  bool incremental = false;
  bool spills_state = false;
  bool in_rocksdb = false;  ///< and not in the store in memory that takes its place elsewhere
};

const std::vector<Fixture>& fixtures() {
  static const std::vector<Fixture> all = [] {
    std::vector<Fixture> fixtures;
    for (const auto job : {ledger_job, visits_job, deals_job}) {
      fixtures.insert(fixtures.end(), {
                                          {.job = job, .folder = "checkpoint", .with = StopWith::kCheckpoint},
                                          {.job = job, .folder = "savepoint", .with = StopWith::kSavepoint},
                                          {.job = job, .folder = "incremental", .with = StopWith::kCheckpoint, .incremental = true},
                                          {.job = job, .folder = "spilled", .with = StopWith::kCheckpoint, .spills_state = true},
                                      });
    }
    fixtures.push_back({.job = cards_job,
                        .folder = "rocksdb",
                        .with = StopWith::kCheckpoint,
                        .incremental = true,
                        .spills_state = true,
                        .in_rocksdb = true});
    return fixtures;
  }();
  return all;
}

std::string path_of(const Fixture& fixture) { return TIDEMARK_SOURCE_DIR "/tests/compat/v1/" + fixture.job().name + "/" + fixture.folder; }

std::unique_ptr<TestWorld> world_of(const Fixture& fixture, std::uint64_t seed) {
  if (!fixture.in_rocksdb) return std::make_unique<TestWorld>(seed);
  auto world = std::make_unique<RocksdbWorld>(seed, testing::TempDir() + "tidemark-compat-rocksdb");
  world->has_little_memory = true;
  return world;
}

void write(const Fixture& fixture) {
  FileSystem& disk = posix_file_system();
  if (disk.stat(path_of(fixture))) return;
  const auto made = world_of(fixture, 1);
  TestWorld& world = *made;
  run_first_half(world, fixture.job(), {.spills_state = fixture.spills_state, .parallelism = 2}, fixture.incremental, fixture.with);
  value_or_throw(world.files.remove("/state/job/LOCK"));
  copy_tree(world.files, "/", disk, path_of(fixture));
}

/// Of a job that goes on from it at `wall_ms`; when it was written that was about 0.
std::vector<std::string> rows_behind(const Fixture& fixture, const JobVersion& version, Shape shape, std::int64_t wall_ms) {
  const auto made = world_of(fixture, 2);
  TestWorld& world = *made;
  copy_tree(posix_file_system(), path_of(fixture), world.files, "/");
  world.clock.set_wall_ms(wall_ms);
  return run_to_the_end(world, version, shape, fixture.incremental, 2);
}

class CompatV1 : public testing::TestWithParam<Fixture> {
 protected:
  static void SetUpTestSuite() {
    set_log_sink([](std::string_view) {});
    if (std::getenv("TIDEMARK_WRITE_FIXTURES") == nullptr) return;
    for (const Fixture& fixture : fixtures()) write(fixture);
  }
  static void TearDownTestSuite() { set_log_sink({}); }

  static void expect_the_rows_of_an_undisturbed_run(const JobVersion& version, Shape shape) {
    EXPECT_EQ(difference(rows_behind(GetParam(), version, shape, 60'000), undisturbed(GetParam().job())), "");
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

// What no other fixture has.
class DealsV1 : public CompatV1 {};
INSTANTIATE_TEST_SUITE_P(Deals, DealsV1,
                         testing::ValuesIn([] {
                           std::vector<Fixture> of_deals;
                           std::ranges::copy_if(fixtures(), std::back_inserter(of_deals), [](const Fixture& f) { return f.job == deals_job; });
                           return of_deals;
                         }()),
                         [](const auto& of) { return of.param.folder; });

TEST_P(DealsV1, BothSidesOfItsJoinsWaitAndItsConnectorsAreInTheMiddle) {
  FileSystem& disk = posix_file_system();
  TestWorld world{1};
  copy_tree(disk, path_of(GetParam()), world.files, "/");
  const auto pointer = value_or_throw(read_pointer_file(world.files, "/state/job"));
  const std::string folder = path_of("/state/job", pointer->checkpoints.back());
  const CheckpointMetadata metadata = value_or_throw(load_checkpoint(world.files, folder));
  std::map<std::string, std::uint64_t> entries;  // "uid/state"
  std::set<std::string> kept;                    // "uid/type"
  std::size_t committables = 0;
  for (const CheckpointMetadata::Operator& op : metadata.operators) {
    for (const KeptType& type : kept_types(op)) kept.insert(op.uid + "/" + type.name);
    for (const OperatorSnapshot& subtask : op.subtasks) {
      committables += subtask.committables.size();
      for (const SnapshotFile& file : subtask.keyed_files) {
        const auto reader = value_or_throw(SnapshotFileReader::open(world.files, file.path, &file));
        for (std::uint32_t id = 0; id < reader->states().size(); ++id) entries[op.uid + "/" + reader->states()[id].name] += reader->records(id);
      }
    }
  }
  for (const char* state : {"paid/unique-second", "paid/waiting-first", "all-paid/unique-second-with-partners", "all-paid/waiting-first",
                            "ordered/unique-first", "ordered/waiting-second", "all-ordered/unique-first-with-partners",
                            "all-ordered/waiting-second", "days/windows", "shifts/windows", "visits/windows"}) {
    EXPECT_GT(entries[state], 0u) << state;
  }
  EXPECT_GT(committables, 0u);
  for (const char* type : {"orders/then/split", "payments/then/split", "payments/then/position", "rows/committable"}) {
    EXPECT_TRUE(kept.contains(type)) << type;
  }
}

class RocksdbFilesV1 : public CompatV1 {};
INSTANTIATE_TEST_SUITE_P(Cards, RocksdbFilesV1, testing::Values(fixtures().back()));

TEST_P(RocksdbFilesV1, TheFixtureIsMadeOfThem) {
  FileSystem& disk = posix_file_system();
  const std::string folder = path_of(GetParam()) + "/state/job";
  const auto pointer = value_or_throw(read_pointer_file(disk, folder));
  ASSERT_TRUE(pointer && !pointer->checkpoints.empty());
  const CheckpointMetadata metadata = value_or_throw(load_checkpoint(disk, path_of(folder, pointer->checkpoints.back())));
  std::size_t of_tables = 0;
  for (const CheckpointMetadata::Operator& op : metadata.operators) {
    for (const OperatorSnapshot& subtask : op.subtasks) {
      if (op.uid != "cards" && op.uid != "sessions") continue;
      EXPECT_EQ(subtask.store.format, "rocksdb-1") << op.uid;
      of_tables += static_cast<std::size_t>(std::ranges::count_if(
          subtask.store.files, [](const StoreFile& file) { return file.file.path.ends_with(".sst.snap"); }));
    }
  }
  EXPECT_GT(of_tables, 10u);
}

// So it stands in them when each value was written.
TEST_P(RocksdbFilesV1, WhatHasExpiredSinceIsNotThere) {
  constexpr std::int64_t kTwoHoursMs = 7'200'000;
  const auto uses_in = [](const std::vector<std::string>& rows) {
    std::uint64_t uses = 0;
    for (const std::string& row : rows) {
      const std::size_t at = row.find(R"( uses","number":)");
      if (at != std::string::npos) uses += std::stoull(row.substr(row.find_last_of(':') + 1));
    }
    return uses;
  };
  EXPECT_EQ(uses_in(undisturbed(cards_job())), cards::kUses);
  const Shape shape{.spills_state = true, .parallelism = 2};
  const std::uint64_t left = uses_in(rows_behind(GetParam(), cards_job().before, shape, kTwoHoursMs));
  EXPECT_GT(left, 0u);
  EXPECT_LT(left, cards::kUses);
}

}  // namespace
}  // namespace tidemark
