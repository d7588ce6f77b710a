#include "worker/pinned_threads.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "env/cpu_cores.h"

namespace tidemark {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<int> cores_of_next(const MakeThread& make_thread) {
  std::vector<int> cores;
  make_thread([&cores] { cores = cores_of_this_thread(); }).join();
  return cores;
}

TEST(PinnedThreadsTest, EachHasTheNextCoreAndAfterTheLastTheFirst) {
  const std::vector<int> cores = cores_of_this_thread();
  const MakeThread make_thread = make_pinned_threads(cores);
  for (int round = 0; round < 2; ++round) {
    for (const int core : cores) EXPECT_THAT(cores_of_next(make_thread), ElementsAre(core));
  }
  EXPECT_EQ(cores_of_this_thread(), cores);
}

TEST(PinnedThreadsTest, AThreadWhoseCoreIsGoneRunsAllTheSame) {
  constexpr int kNone = 1023;
  EXPECT_EQ(cores_of_next(make_pinned_threads({kNone})), cores_of_this_thread());
}

TEST(PinnedThreadsTest, MoreThreadsThanCoresAreRefusedWithBothNumbers) {
  EXPECT_TRUE(require_core_each(2, 2));
  const auto refused = require_core_each(3, 2);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(refused.error().message(),
              testing::AllOf(HasSubstr("worker.cpu-pinning"), HasSubstr("3 threads"), HasSubstr("use 2")));
}

}  // namespace
}  // namespace tidemark
