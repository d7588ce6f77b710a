// A job is stopped in the middle and goes on in another shape: at another parallelism, from a checkpoint or a savepoint,
// after whole or incremental checkpoints, in the types of its next version. Whatever was changed, all rows together are
// those of a run that was never stopped.
#include <gtest/gtest.h>

#include <cstddef>
#include <iterator>
#include <string>
#include <tuple>
#include <vector>

#include "base/log.h"
#include "ledger_job.h"

namespace tidemark {
namespace {

using namespace ledger;

constexpr Shape kShapes[] = {{false, 1}, {false, 2}, {false, 3}, {false, 7}, {true, 1}, {true, 2}, {true, 3}, {true, 7}};

// Where code is slow, a third of them for each shape to begin in; together still all.
#if defined(__OPTIMIZE__) && !defined(__SANITIZE_THREAD__)
constexpr std::size_t kStride = 1;
#else
constexpr std::size_t kStride = 3;
#endif

using Case = std::tuple<StopWith, bool, bool, Shape>;

std::string name_of(const Shape& shape) {
  return (shape.spills_state ? "Store" : "Memory") + std::to_string(shape.parallelism);
}

std::string name_of_case(const testing::TestParamInfo<Case>& info) {
  const auto& [with, evolves, incremental, from] = info.param;
  return std::string{incremental ? "Incremental" : "Whole"} + (with == StopWith::kSavepoint ? "Savepoint" : "Checkpoint") +
         (evolves ? "Evolved" : "Straight") + "From" + name_of(from);
}

class Matrix : public testing::TestWithParam<Case> {
 protected:
  static void SetUpTestSuite() {
    set_log_sink([](std::string_view) {});
  }
  static void TearDownTestSuite() { set_log_sink({}); }
};
INSTANTIATE_TEST_SUITE_P(All, Matrix,
                         testing::Combine(testing::Values(StopWith::kCheckpoint, StopWith::kSavepoint), testing::Bool(),
                                          testing::Bool(), testing::ValuesIn(kShapes)),
                         name_of_case);

TEST_P(Matrix, AJobThatGoesOnInAnyOtherShapeEndsWithTheSameRows) {
  const auto& [with, evolves, incremental, from] = GetParam();
  std::uint64_t seed = 1;
  for (std::size_t i = from.parallelism % kStride; i < std::size(kShapes); i += kStride) {
    const Shape to = kShapes[i];
    SCOPED_TRACE("to " + name_of(to));
    TestWorld world{++seed};
    ASSERT_NO_FATAL_FAILURE(run_first_half<Before>(world, from, incremental, with));
    world.clock.set_wall_ms(world.clock.wall_ms() + 60'000);
    const auto rows = evolves ? run_to_the_end<After>(world, to, incremental, 2) : run_to_the_end<Before>(world, to, incremental, 2);
    ASSERT_EQ(difference(rows, undisturbed()), "");
    ASSERT_EQ(rows.size(), undisturbed().size());
  }
}

TEST(TwoVersions, TellTheSameFromTheBeginning) {
  TestWorld world{1};
  EXPECT_GT(undisturbed().size(), kPayments);
  EXPECT_EQ(difference(run_to_the_end<After>(world, {}, false, 1), undisturbed()), "");
}

}  // namespace
}  // namespace tidemark
