// What main() returns and prints.
#include <gmock/gmock.h>

#include "run_job.h"

namespace tidemark {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

struct Tick {
  std::int64_t n = 0;
};

void build(Job& job) {
  job.arg("limit", 5, "the largest number");
  job.from(generate<Tick>(1, [](std::uint64_t n) { return Tick{static_cast<std::int64_t>(n)}; }).event_time(&Tick::n)).uid("ticks")
      .key_by(&Tick::n).window(tumbling(std::chrono::seconds{1})).aggregate(count()).uid("counts")
      .to(print());
}

struct Ending {
  int code;
  std::string out;
  std::string err;
};

Ending end_of(const Words& words) {
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  const int code = main_of(words, build);
  return {code, ::testing::internal::GetCapturedStdout(), ::testing::internal::GetCapturedStderr()};
}

TEST(Program, HelpShowsItsOwnArgumentsAndTheEngines) {
  const Ending end = end_of({"--help"});
  EXPECT_EQ(end.code, 0);
  EXPECT_THAT(end.out, AllOf(HasSubstr("--limit"), HasSubstr("the largest number"), HasSubstr("--checkpoint-dir")));
}

TEST(Program, AnUnknownOptionIsWrongUsageAndTheNearestIsSuggested) {
  const Ending end = end_of({"--limti", "3"});
  EXPECT_EQ(end.code, 2);
  EXPECT_THAT(end.err, AllOf(HasSubstr("--limti"), HasSubstr("--limit")));
}

TEST(Program, APlanIsPrintedAndNothingRuns) {
  const Ending end = end_of({"--plan"});
  EXPECT_EQ(end.code, 0);
  EXPECT_THAT(end.out, AllOf(HasSubstr("\"uid\": \"counts\""), HasSubstr("\"value\": \"int64\""), HasSubstr("\"fingerprint\"")));
}

TEST(Program, AFinishedRunSaysWhatItDid) {
  const Ending end = end_of({});
  EXPECT_EQ(end.code, 0);
  EXPECT_THAT(end.err, AllOf(HasSubstr("test  finished after"), HasSubstr("in 1 ("), HasSubstr("out 1")));
}

}  // namespace
}  // namespace tidemark
