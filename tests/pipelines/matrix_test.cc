// A job is stopped in the middle and goes on in another shape: at another parallelism, from a checkpoint or a savepoint,
// after whole or incremental checkpoints, in the types of its next version, in another store, from a snapshot that was moved,
// or because its process died. Whatever was changed, all rows together are those of a run that was never stopped.
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdlib>
#include <iterator>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "base/log.h"
#include "deals_job.h"
#include "halved_job.h"
#include "ledger_job.h"
#include "rocksdb_world.h"
#include "snapshot/copied_tree.h"
#include "visits_job.h"

namespace tidemark {
namespace {

/// With the rows of an undisturbed life.
struct KnownJob {
  HalvedJob job;
  std::vector<std::string> rows;
};
const KnownJob& ledger_job() {
  static const KnownJob known{ledger::job(), undisturbed(ledger::job())};
  return known;
}
const KnownJob& visits_job() {
  static const KnownJob known{visits::job(), undisturbed(visits::job())};
  return known;
}

const KnownJob& deals_job() {
  static const KnownJob known{deals::job(), undisturbed(deals::job())};
  return known;
}

constexpr Shape kShapes[] = {{false, 1}, {false, 2}, {false, 3}, {false, 7}, {true, 1}, {true, 2}, {true, 3}, {true, 7}};

// TIDEMARK_FULL_MATRIX=1 leaves nothing out: half an hour.
bool is_full() { return std::getenv("TIDEMARK_FULL_MATRIX") != nullptr; }

// Where code is slow, a third of them for each shape to begin in; together still all.
#ifdef __OPTIMIZE__
constexpr std::size_t kStride = 1;
#else
constexpr std::size_t kStride = 3;
#endif
std::size_t stride() { return is_full() ? 1 : kStride; }

// That job takes ten times as long.
std::size_t visits_stride() {
  if (is_full()) return 1;
  return kStride == 1 ? 3 : std::size(kShapes);
}

std::string name_of(const Shape& shape) {
  return (shape.spills_state ? "Store" : "Memory") + std::to_string(shape.parallelism);
}

std::string name_of(StopWith with) {
  return with == StopWith::kSavepoint ? "Savepoint" : with == StopWith::kDeath ? "Death" : "Checkpoint";
}

class Quiet : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    set_log_sink([](std::string_view) {});
  }
  static void TearDownTestSuite() { set_log_sink({}); }
};

/// The second half, a minute later.
void expect_to_go_on(TestWorld& world, const KnownJob& known, Shape to, bool incremental, bool evolves, const InMemorySettings& from = {}) {
  world.clock.set_wall_ms(world.clock.wall_ms() + 60'000);
  const auto rows = run_to_the_end(world, evolves ? known.job.after : known.job.before, to, incremental, 2, from);
  ASSERT_EQ(difference(rows, known.rows), "");
  ASSERT_EQ(rows.size(), known.rows.size());
}

using Case = std::tuple<StopWith, bool, bool, Shape>;

std::string name_of_case(const testing::TestParamInfo<Case>& info) {
  const auto& [with, evolves, incremental, from] = info.param;
  return std::string{incremental ? "Incremental" : "Whole"} + name_of(with) + (evolves ? "Evolved" : "Straight") + "From" +
         name_of(from);
}

class Matrix : public Quiet, public testing::WithParamInterface<Case> {};
INSTANTIATE_TEST_SUITE_P(All, Matrix,
                         testing::Combine(testing::Values(StopWith::kCheckpoint, StopWith::kSavepoint), testing::Bool(),
                                          testing::Bool(), testing::ValuesIn(kShapes)),
                         name_of_case);

/// Every so many of them.
void go_on_in_other_shapes(const KnownJob& known, const Case& which, std::size_t stride) {
  const auto& [with, evolves, incremental, from] = which;
  std::uint64_t seed = 1;
  for (std::size_t i = (from.parallelism + evolves + incremental) % stride; i < std::size(kShapes); i += stride) {
    const Shape to = kShapes[i];
    SCOPED_TRACE("to " + name_of(to));
    TestWorld world{++seed};
    ASSERT_NO_FATAL_FAILURE(run_first_half(world, known.job, from, incremental, with));
    ASSERT_NO_FATAL_FAILURE(expect_to_go_on(world, known, to, incremental, evolves));
  }
}

TEST_P(Matrix, AJobThatGoesOnInAnyOtherShapeEndsWithTheSameRows) { go_on_in_other_shapes(ledger_job(), GetParam(), stride()); }
TEST_P(Matrix, AJobOfUniqueJoinsAndUsersConnectorsDoesSo) { go_on_in_other_shapes(deals_job(), GetParam(), stride()); }
TEST_P(Matrix, AJobOfOperatorsWithStateOfTheirOwnDoesSo) { go_on_in_other_shapes(visits_job(), GetParam(), visits_stride()); }

// The store in memory of the others is a model of it.
class RocksdbMatrix : public Quiet, public testing::WithParamInterface<Case> {};
std::vector<Shape> rocksdb_shapes() {
  if (is_full()) return {std::begin(kShapes), std::end(kShapes)};
  return {{true, 1}, {true, 7}, {false, 3}};
}
// Databases are slow to open: for each shape to begin in about half of the others.
std::size_t rocksdb_stride() {
  if (is_full()) return 1;
  return kStride == 1 ? 2 : 3;
}
INSTANTIATE_TEST_SUITE_P(All, RocksdbMatrix,
                         testing::Combine(testing::Values(StopWith::kCheckpoint, StopWith::kSavepoint), testing::Bool(),
                                          testing::Bool(), testing::ValuesIn(rocksdb_shapes())),
                         name_of_case);

void go_on_from_or_in_rocksdb(const KnownJob& known, const Case& which, std::size_t stride) {
  const auto& [with, evolves, incremental, from] = which;
  std::vector<Shape> shapes = rocksdb_shapes();
  if (!from.spills_state) std::erase_if(shapes, [](const Shape& shape) { return !shape.spills_state; });
  std::uint64_t seed = 1;
  const std::size_t first = (from.parallelism + evolves + incremental) % stride % shapes.size();
  for (std::size_t i = first; i < shapes.size(); i += stride) {
    const Shape to = shapes[i];
    SCOPED_TRACE("to " + name_of(to));
    RocksdbWorld world{++seed, testing::TempDir() + "tidemark-matrix"};
    ASSERT_NO_FATAL_FAILURE(run_first_half(world, known.job, from, incremental, with));
    ASSERT_NO_FATAL_FAILURE(expect_to_go_on(world, known, to, incremental, evolves));
  }
}

TEST_P(RocksdbMatrix, AJobThatGoesOnInAnyOtherShapeEndsWithTheSameRows) {
  go_on_from_or_in_rocksdb(ledger_job(), GetParam(), rocksdb_stride());
}
TEST_P(RocksdbMatrix, AJobOfUniqueJoinsAndUsersConnectorsDoesSo) {
  go_on_from_or_in_rocksdb(deals_job(), GetParam(), is_full() ? 1 : 3);
}

std::map<std::string, std::string> everything_below(FileSystem& files, const std::string& folder,
                                                    const std::string& within = {}) {
  std::map<std::string, std::string> result;
  for (const DirectoryEntry& entry : value_or_throw(files.list(join_path(folder, within)))) {
    const std::string name = join_path(within, entry.name);
    if (entry.is_directory) {
      result.merge(everything_below(files, folder, name));
    } else {
      result.emplace(name, value_or_throw(read_file(files, join_path(folder, name))));
    }
  }
  return result;
}

/// Those of sinks, by the name that they have until then.
std::vector<std::string> files_that_wait_for_a_commit(TestWorld& world) {
  std::vector<std::string> waiting;
  for (const auto& [name, content] : everything_below(world.files, "/out")) {
    if (name.find(".pending") != std::string::npos) waiting.push_back(name);
  }
  return waiting;
}

constexpr Shape kSomeShapes[] = {{false, 1}, {true, 3}, {false, 7}};

// What its sinks had prepared and not committed goes to others.
using DeathMatrix = Quiet;
TEST_F(DeathMatrix, AJobWhoseProcessDiedEndsWithTheSameRowsInAnyOtherShape) {
  std::uint64_t seed = 1;
  for (const bool incremental : {false, true}) {
    for (const Shape from : kSomeShapes) {
      for (const Shape to : kSomeShapes) {
        SCOPED_TRACE(name_of(from) + " to " + name_of(to));
        TestWorld world{++seed};
        ASSERT_NO_FATAL_FAILURE(run_first_half(world, ledger_job().job, from, incremental, StopWith::kDeath));
        ASSERT_FALSE(files_that_wait_for_a_commit(world).empty());
        ASSERT_NO_FATAL_FAILURE(expect_to_go_on(world, ledger_job(), to, incremental, false));
        ASSERT_TRUE(files_that_wait_for_a_commit(world).empty());
      }
    }
  }
}

// What is restored is read unit by unit, beside the records and as they ask for it.
TEST(LazyMatrix, AJobWhoseStateIsReadBehindEndsWithTheSameRows) {
  std::size_t read_behind = 0;
  set_log_sink([&](std::string_view line) {
    for (const char* said : {"loading the rest behind", "loaded after"}) {
      if (line.find(said) != std::string_view::npos) ++read_behind;
    }
  });
  std::uint64_t seed = 1;
  InMemorySettings settings;
  settings.master.lazy_restore = {.from_bytes = 1, .unit_bytes = 200};
  for (const KnownJob& known : {ledger_job(), deals_job()}) {
    for (const bool incremental : {false, true}) {
      for (const Shape from : kSomeShapes) {
        for (const std::uint32_t parallelism : {2, 7}) {
          SCOPED_TRACE(known.job.name + " from " + name_of(from) + " to " + std::to_string(parallelism));
          TestWorld world{++seed};
          ASSERT_NO_FATAL_FAILURE(run_first_half(world, known.job, from, incremental, StopWith::kCheckpoint));
          ASSERT_NO_FATAL_FAILURE(expect_to_go_on(world, known, {false, parallelism}, incremental, seed % 2 == 0, settings));
        }
      }
    }
  }
  set_log_sink({});
  EXPECT_GT(read_behind, 0u);
}

using PathMatrix = Quiet;
// Under a name that no CURRENT has, into another folder of checkpoints.
TEST_F(PathMatrix, AJobGoesOnFromASavepointThatWasMoved) {
  std::uint64_t seed = 1;
  for (const bool claims : {false, true}) {
    for (const Shape from : kSomeShapes) {
      for (const Shape to : kSomeShapes) {
        SCOPED_TRACE(name_of(from) + " to " + name_of(to) + (claims ? ", claimed" : ""));
        TestWorld world{++seed};
        ASSERT_NO_FATAL_FAILURE(run_first_half(world, ledger_job().job, from, true, StopWith::kSavepoint));
        const std::string path = "/savepoints/" + value_or_throw(world.files.list("/savepoints")).at(0).name;
        copy_tree(world.files, path, world.files, "/elsewhere/moved");
        value_or_throw(remove_tree(world.files, "/savepoints"));
        value_or_throw(remove_tree(world.files, "/state"));
        InMemorySettings settings{.checkpoints = "/another-state", .resume = {Resume::Kind::kPath, "/elsewhere/moved", {}}};
        if (claims) settings.resume.claim = 7;
        ASSERT_NO_FATAL_FAILURE(expect_to_go_on(world, ledger_job(), to, true, true, settings));
        EXPECT_EQ(world.files.stat("/elsewhere/moved").has_value(), !claims) << "replaced, it goes if it is the job's";
      }
    }
  }
}

TEST_F(PathMatrix, AJobGoesOnFromACheckpointOfAnotherFolderAndLeavesItAlone) {
  std::uint64_t seed = 1;
  for (const bool incremental : {false, true}) {
    for (const Shape to : kSomeShapes) {
      SCOPED_TRACE("to " + name_of(to));
      TestWorld world{++seed};
      ASSERT_NO_FATAL_FAILURE(run_first_half(world, ledger_job().job, {false, 2}, incremental, StopWith::kCheckpoint));
      copy_tree(world.files, "/state", world.files, "/as-it-was");
      const auto pointer = value_or_throw(read_pointer_file(world.files, "/state/job"));
      const std::string path = path_of("/state/job", pointer->checkpoints.back());
      const InMemorySettings settings{.checkpoints = "/another-state", .resume = {Resume::Kind::kPath, path, {}}};
      ASSERT_NO_FATAL_FAILURE(expect_to_go_on(world, ledger_job(), to, incremental, false, settings));
      EXPECT_EQ(everything_below(world.files, "/state"), everything_below(world.files, "/as-it-was"));
    }
  }
}

TEST(TwoVersions, TellTheSameFromTheBeginning) {
  for (const KnownJob& known : {ledger_job(), visits_job(), deals_job()}) {
    TestWorld world{1};
    known.job.write_input(world.files);
    EXPECT_GT(known.rows.size(), known.job.records);
    EXPECT_EQ(difference(run_to_the_end(world, known.job.after, {}, false, 1), known.rows), "") << known.job.name;
  }
}

}  // namespace
}  // namespace tidemark
