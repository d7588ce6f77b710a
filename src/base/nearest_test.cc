#include "base/nearest.h"

#include <gtest/gtest.h>

#include <vector>

namespace tidemark {
namespace {

const std::vector<std::string> kNames = {"--help", "--parallelism", "--checkpoint-dir", "--checkpoint-interval",
                                         "--input"};
const std::vector<std::string> kKeys = {"execution.checkpointing.dir", "execution.checkpointing.interval"};

TEST(NearestTest, FindsALetterLeftOutAddedChangedOrSwapped) {
  EXPECT_EQ(nearest("--paralelism", kNames), "--parallelism");
  EXPECT_EQ(nearest("--inputt", kNames), "--input");
  EXPECT_EQ(nearest("--imput", kNames), "--input");
  EXPECT_EQ(nearest("--inptu", kNames), "--input");
  EXPECT_EQ(nearest("execution.chekpointing.dir", kKeys), "execution.checkpointing.dir");
}

TEST(NearestTest, FindsTheOnlyOneThatContainsTheWordAtAnEnd) {
  EXPECT_EQ(nearest("checkpointing.interval", kKeys), "execution.checkpointing.interval");
  EXPECT_EQ(nearest("--par", kNames), "--parallelism");
  EXPECT_EQ(nearest("--check", kNames), std::nullopt) << "two begin with it";
}

TEST(NearestTest, SuggestsNothingForAStrangeWord) {
  EXPECT_EQ(nearest("xyzzy", kNames), std::nullopt);
  EXPECT_EQ(nearest("", kNames), std::nullopt);
  EXPECT_EQ(nearest(std::string(100'000, 'x'), kNames), std::nullopt);
  EXPECT_EQ(nearest("z", std::vector<std::string>{"a"}), std::nullopt) << "as far as a word of its own";
  EXPECT_EQ(did_you_mean("xyzzy", kNames), "");
  EXPECT_EQ(did_you_mean("--inptu", kNames), "; did you mean '--input'?");
}

}  // namespace
}  // namespace tidemark
