#include "cli/verdict_report.h"

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

TEST(VerdictReport, WhatCannotBeToldIsNeitherTrueNorFalse) {
  std::string out, err;
  Cli cli{.env = {},
          .out = [&](std::string_view line) { out += line; },
          .err = [&](std::string_view line) { err += line; },
          .chosen = {}};
  const Error error{ErrorCode::kNotFound, "no 'chk-\xff'"};
  EXPECT_EQ(print_unknown(error, false, cli), ExitStatus::kUsage);
  EXPECT_EQ(err, "no 'chk-\xff'");
  EXPECT_EQ(out, "");
  EXPECT_EQ(print_unknown(error, true, cli), ExitStatus::kUsage);
  const auto json = nlohmann::json::parse(out);
  EXPECT_TRUE(json["fits"].is_null());
  EXPECT_THAT(json["error"].get<std::string>(), ::testing::StartsWith("no 'chk-"));
}

}  // namespace
}  // namespace tidemark
