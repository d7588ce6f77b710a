#include "coordinator/job_planner.h"

#include <gmock/gmock.h>

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "control/described_value.h"
#include "coordinator/simulated_job.h"
#include "env/posix_env.h"

namespace tidemark {
namespace {

using testing::AllOf;
using testing::HasSubstr;

/// Programs are scripts that do what programs do.
class JobPlannerTest : public testing::Test {
 protected:
  JobPlannerTest() {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_ + "/plans");
  }
  ~JobPlannerTest() override { std::filesystem::remove_all(folder_); }

  Result<JobDescription> plan(const std::string& script, const std::vector<std::string>& arguments = {}) {
    const std::string path = folder_ + "/program";
    std::ofstream{path} << "#!/bin/sh\n" << script << "\n";
    ::chmod(path.c_str(), 0755);
    ChildPlanner planner{posix_.env(), folder_ + "/plans", limits_};
    auto planned = planner.plan(path, "orders", arguments);
    EXPECT_TRUE(std::filesystem::is_empty(folder_ + "/plans"));
    return planned;
  }
  Result<JobDescription> plan_bytes(const std::string& bytes) {
    std::ofstream{folder_ + "/bytes"} << bytes;
    return plan("cp " + folder_ + "/bytes \"$TIDEMARK_DESCRIBE_TO\"");
  }
  std::string refusal(const std::string& script) {
    const auto planned = plan(script);
    return planned ? "" : planned.error().message();
  }

  const std::string folder_ = testing::TempDir() + "tidemark-planner-" + std::to_string(::getpid());
  PosixEnv posix_{1};
  PlannerLimits limits_ = {.timeout_ms = 120'000, .cpu_s = 60, .memory_bytes = 0};
};

JobDescription sample() { return {.library = "0.1.0", .plan = counting_job(), .fingerprint = 7, .options = {{"a", "b"}}}; }

TEST_F(JobPlannerTest, AProgramSaysWhatItIs) {
  const JobDescription planned = value_or_throw(plan_bytes(to_described(sample())));
  EXPECT_EQ(to_json(planned.plan), to_json(counting_job()));
  EXPECT_EQ(planned.fingerprint, 7u);
  EXPECT_EQ(planned.options, sample().options);
}

TEST_F(JobPlannerTest, ItGetsItsArguments) {
  const auto planned = plan("echo \"got $1 and $2\" >&2; exit 2", {"--a=b c", "$HOME"});
  ASSERT_FALSE(planned);
  EXPECT_EQ(planned.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(planned.error().message(), AllOf(HasSubstr("'orders' can't be planned: it ended with status 2"), HasSubstr("got --a=b c and $HOME")));
}

TEST_F(JobPlannerTest, OneThatCrashesIsQuoted) {
  EXPECT_THAT(refusal("echo last words >&2; kill -SEGV $$"), AllOf(HasSubstr("signal 11 ended it"), HasSubstr("last words")));
}

TEST_F(JobPlannerTest, OneThatIsNoProgramOfTidemarkIsTold) {
  EXPECT_THAT(refusal("echo hello"), HasSubstr("ended without saying what it runs: it is no program of Tidemark"));
}

TEST_F(JobPlannerTest, GarbageIsNoDescription) {
  EXPECT_THAT(plan_bytes("garbage").error().message(), HasSubstr("can't be read"));
  EXPECT_THAT(plan_bytes("").error().message(), HasSubstr("can't be read"));
}

TEST_F(JobPlannerTest, APlanWhoseNumbersLeadNowhereIsNone) {
  JobDescription bad = sample();
  bad.plan.logical.edges[0].to = 1'000'000;
  EXPECT_THAT(plan_bytes(to_described(bad)).error().message(), HasSubstr("its plan is none"));
  bad = sample();
  bad.plan.logical.nodes[1].id = 9;
  EXPECT_FALSE(plan_bytes(to_described(bad)));
  bad = sample();
  bad.plan.logical.nodes.clear();
  EXPECT_FALSE(plan_bytes(to_described(bad)));
}

struct OfAnotherVersion {
  std::int64_t plan = 0;
};

TEST_F(JobPlannerTest, AnotherVersionThatCanNotBeReadIsToldAsThat) {
  EXPECT_THAT(plan_bytes(to_described(OfAnotherVersion{})).error().message(), HasSubstr("built with another version of Tidemark"));
}

TEST_F(JobPlannerTest, OneThatDoesNotEndIsEnded) {
  limits_.timeout_ms = 200;
  EXPECT_THAT(refusal("exec sleep 100"), HasSubstr("it has not said what it runs within"));
}

TEST_F(JobPlannerTest, WhatItStartsEndsWithIt) {
  limits_.timeout_ms = 500;
  EXPECT_THAT(refusal("sleep 100 & sleep 100"), HasSubstr("it has not said what it runs within"));
}

}  // namespace
}  // namespace tidemark
