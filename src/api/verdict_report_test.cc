#include "api/verdict_report.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

namespace tidemark {
namespace {

using Kind = StateVerdict::Kind;

VerdictReport sample() {
  VerdictReport report{.saved = "old", .declared = "./new"};
  report.states = {{Kind::kSame, "bids", "", "generate", "job.cc:4", {}},
                   {Kind::kMigrates,
                    "per-auction",
                    "acc",
                    "window aggregate",
                    "job.cc:5",
                    {"count: int32 -> int64 (widened)", "+ late: int64 = 0"}},
                   {Kind::kOrphaned, "hot", "acc", "window aggregate", "", {"no operator of the job has this uid"}},
                   {Kind::kRefused, "hottest", "top", "keyed process", "job.cc:6", {"one reason", "another"}},
                   {Kind::kNew, "out", "", "write files", "job.cc:7", {}}};
  return report;
}

TEST(VerdictReport, IsATableWithALineForEachReason) {
  EXPECT_EQ(verdict_text(sample()),
            "bids          (generate)      same\n"
            "per-auction   acc             migrates   count: int32 -> int64 (widened); + late: int64 = 0\n"
            "hot           acc             ORPHANED   no operator of the job has this uid\n"
            "hottest       top             REFUSED    one reason\n"
            "                                         another\n"
            "out           (write files)   new\n"
            "2 of 5 can't be restored; nothing was touched.");
}

TEST(VerdictReport, WhatMayBeDroppedFits) {
  VerdictReport report = sample();
  EXPECT_EQ(misfits(report), 2u);
  report.unclaimed = UnclaimedState::kDrop;
  EXPECT_EQ(misfits(report), 1u);
  report.states.erase(report.states.begin() + 3);
  EXPECT_EQ(misfits(report), 0u);
  EXPECT_THAT(verdict_text(report),
              ::testing::AllOf(::testing::HasSubstr("dropped"), ::testing::EndsWith("All fits.")));
}

TEST(VerdictReport, AProblemOfTheWholeCounts) {
  VerdictReport report{.saved = "old", .declared = "./new", .problems = {"Another job."}};
  EXPECT_EQ(misfits(report), 1u);
  EXPECT_EQ(verdict_text(report), "Another job.\n1 of 1 can't be restored; nothing was touched.");
  report.problems.clear();
  EXPECT_EQ(verdict_text(report), "Nothing was saved, and the job keeps nothing.");
}

TEST(VerdictReport, JsonSaysTheSame) {
  const auto json = nlohmann::json::parse(verdict_json(sample()));
  EXPECT_EQ(json["fits"], false);
  EXPECT_EQ(json["states"].size(), 5u);
  EXPECT_EQ(json["states"][1]["verdict"], "migrates");
  EXPECT_EQ(json["states"][1]["details"].size(), 2u);
  EXPECT_EQ(json["states"][3]["at"], "job.cc:6");
  EXPECT_FALSE(json["states"][0].contains("state"));
}

TEST(VerdictReport, JsonIsReadAsItWasWritten) {
  VerdictReport report = sample();
  report.problems = {"Another job."};
  for (const UnclaimedState unclaimed : {UnclaimedState::kRefuse, UnclaimedState::kDrop}) {
    report.unclaimed = unclaimed;
    const auto read = parse_verdict(verdict_json(report));
    ASSERT_TRUE(read) << read.error().message();
    EXPECT_EQ(verdict_text(*read), verdict_text(report));
    EXPECT_EQ(verdict_json(*read), verdict_json(report));
  }
}

TEST(VerdictReport, WhatIsNoReportIsNone) {
  const auto unknown = parse_verdict(unknown_json({ErrorCode::kNotFound, "no 'chk-\xff'"}));
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code(), ErrorCode::kFailedPrecondition);
  EXPECT_THAT(unknown.error().message(), ::testing::StartsWith("no 'chk-"));
  for (const char* text : {"", "{", "{}", "[]", R"({"fits": true})", R"({"fits": null})", R"({"fits": true, "saved": 1})"}) {
    const auto read = parse_verdict(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().code(), ErrorCode::kParse) << text;
  }
}

}  // namespace
}  // namespace tidemark
