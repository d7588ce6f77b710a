#include "coordinator/resume_report.h"

#include <gtest/gtest.h>

namespace tidemark {
namespace {

using Kind = LoadEvent::Kind;
constexpr std::int64_t kMs = 1'000'000;

TEST(ResumeReportTest, WhereAllIsReadAtOnceTheLineComesAtOnce) {
  ResumeReport report{5 * kMs};
  EXPECT_EQ(report.running("checkpoint 42 in 'chk-42-1'"), "resumed from checkpoint 42 in 'chk-42-1'");
}

TEST(ResumeReportTest, TheLineWaitsForTheFirstRecordAndSaysHowSoonItWas) {
  ResumeReport report{5 * kMs};
  EXPECT_EQ(report.on({Kind::kLoadsBehind, 2'000'000'000}, 10 * kMs), std::nullopt);
  EXPECT_EQ(report.on({Kind::kLoadsBehind, 1'100'000'000}, 11 * kMs), std::nullopt);
  EXPECT_EQ(report.running("checkpoint 42"), std::nullopt);
  EXPECT_EQ(report.on({Kind::kFirstRecord}, 89 * kMs),
            "resumed from checkpoint 42 (3.1 GB, first record after 84 ms, loading the rest behind)");
  EXPECT_EQ(report.on({Kind::kFirstRecord}, 90 * kMs), std::nullopt);
  EXPECT_EQ(report.on({Kind::kAllLoaded}, 9'000 * kMs), std::nullopt);
  EXPECT_EQ(report.on({Kind::kAllLoaded}, 12'305 * kMs), "restored state is loaded: 3.1 GB after 12.3 s");
}

TEST(ResumeReportTest, ARecordMayComeBeforeTheLastTaskIsOpen) {
  ResumeReport report{0};
  EXPECT_EQ(report.on({Kind::kLoadsBehind, 5'000'000}, kMs), std::nullopt);
  EXPECT_EQ(report.on({Kind::kFirstRecord}, 3 * kMs), std::nullopt);
  EXPECT_EQ(report.running("checkpoint 7"), "resumed from checkpoint 7 (5.0 MB, first record after 3 ms, loading the rest behind)");
}

TEST(ResumeReportTest, WithoutARecordItComesWhenAllIsLoaded) {
  ResumeReport report{0};
  EXPECT_EQ(report.on({Kind::kLoadsBehind, 5'000'000}, kMs), std::nullopt);
  EXPECT_EQ(report.running("checkpoint 7"), std::nullopt);
  EXPECT_EQ(report.on({Kind::kAllLoaded}, 40 * kMs), "resumed from checkpoint 7 (5.0 MB, loaded after 40 ms)");
  EXPECT_EQ(report.on({Kind::kFirstRecord}, 50 * kMs), std::nullopt);
}

TEST(ResumeReportTest, OneSubtaskMayHaveLoadedAllBeforeTheNextIsOpen) {
  ResumeReport report{0};
  EXPECT_EQ(report.on({Kind::kLoadsBehind, 5'000'000}, kMs), std::nullopt);
  EXPECT_EQ(report.on({Kind::kAllLoaded}, 2 * kMs), std::nullopt);
  EXPECT_EQ(report.on({Kind::kLoadsBehind, 5'000'000}, 3 * kMs), std::nullopt);
  EXPECT_EQ(report.on({Kind::kFirstRecord}, 4 * kMs), std::nullopt);
  EXPECT_EQ(report.running("checkpoint 7"), "resumed from checkpoint 7 (10.0 MB, first record after 4 ms, loading the rest behind)");
  EXPECT_EQ(report.on({Kind::kAllLoaded}, 50 * kMs), "restored state is loaded: 10.0 MB after 50 ms");
}

}  // namespace
}  // namespace tidemark
