#include "sim/seed_runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <vector>

namespace tidemark {
namespace {

std::vector<SeedResult> results_of(const SeedRunnerOptions& options, const RunSeed& run) {
  std::vector<SeedResult> results;
  run_seeds(options, run, [&](const SeedResult& result) {
    results.push_back(result);
    return true;
  });
  return results;
}

TEST(SeedRunnerTest, ResultsComeInTheOrderOfTheSeeds) {
  const auto results = results_of({{3, 102}, 3}, [](std::uint64_t seed) { return seed % 10 == 0 ? "wrong" : ""; });
  ASSERT_EQ(results.size(), 100u);
  for (std::size_t i = 0; i < results.size(); ++i) {
    EXPECT_EQ(results[i].seed, 3 + i);
    EXPECT_EQ(results[i].wrong, results[i].seed % 10 == 0 ? "wrong" : "");
  }
}

TEST(SeedRunnerTest, ASeedThatAbortsIsOneThatFailedAndTheOthersRun) {
  const auto results = results_of({{1, 20}, 2}, [](std::uint64_t seed) {
    if (seed == 7) {
      std::fputs("the last words\n", stderr);
      std::abort();
    }
    return std::string{};
  });
  ASSERT_EQ(results.size(), 20u);
  EXPECT_THAT(results[6].wrong, testing::AllOf(testing::HasSubstr("died of signal"), testing::HasSubstr("the last words")));
  for (const SeedResult& result : results) EXPECT_EQ(result.wrong.empty(), result.seed != 7);
}

TEST(SeedRunnerTest, ASeedThatHangsIsEnded) {
  const auto results = results_of({{1, 3}, 1, 5}, [](std::uint64_t seed) {
    volatile bool forever = seed == 2;
    while (forever) {
    }
    return std::string{};
  });
  ASSERT_EQ(results.size(), 3u);
  EXPECT_THAT(results[1].wrong, testing::HasSubstr("hangs"));
  EXPECT_EQ(results[2].wrong, "");
}

}  // namespace
}  // namespace tidemark
