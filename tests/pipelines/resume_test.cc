// A job that fails and goes on, in this process and in the next, ends with the rows of one that was never disturbed.
#include <gmock/gmock.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>

#include "disturbance.h"
#include "run_job.h"

namespace tidemark {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

struct Bid {
  std::int64_t auction = 0;
  std::int64_t price = 0;
  Timestamp at;
};

constexpr std::uint64_t kBids = 240'000;

Bid bid(std::uint64_t n) {
  const auto number = static_cast<std::int64_t>(n);
  return {number * 31 % 101, number % 17, Timestamp{number}};
}

/// In the second half.
class FailLate : public FailOnce<Bid> {
 public:
  explicit FailLate(std::string checkpoints) : FailOnce<Bid>{std::move(checkpoints), kBids / 2} {}
};

template <class F>
void build(Job& job, F disturbance, const std::string& output) {
  job.from(generate<Bid>(kBids, bid).event_time(&Bid::at, out_of_order_by(100ms))).uid("bids")
      .map(disturbance)
      .key_by(&Bid::auction).window(sliding(10s, 2s)).aggregate(sum(&Bid::price)).uid("sums")
      .to(write_files(output, as_json())).uid("out");
}

const Words kNoRestart{"-D", "restart-strategy.type=none"};

class ResumedPipeline : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    run_job({"--parallelism", std::to_string(GetParam())}, [&](Job& job) { build(job, [](const Bid& b) { return b; }, folder_ / "undisturbed"); });
    expected_ = rows(folder_ / "undisturbed");
    ASSERT_FALSE(expected_.empty());
  }
  Words words(Words more = {}, int parallelism = GetParam()) const {
    Words all{"--parallelism", std::to_string(parallelism), "--checkpoint-dir", folder_ / "state", "--checkpoint-interval", "10ms"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }

  TemporaryFolder folder_;
  std::vector<std::string> expected_;
};
INSTANTIATE_TEST_SUITE_P(Parallelism, ResumedPipeline, ::testing::Values(1, 2));

TEST_P(ResumedPipeline, ARestartInTheSameProcess) {
  const FailLate disturbance{folder_ / "state"};
  run_job(words({"-D", "restart-strategy.type=fixed-delay", "-D", "restart-strategy.fixed-delay.delay=0"}),
          [&](Job& job) { build(job, disturbance, folder_ / "out"); });
  EXPECT_TRUE(disturbance.has_failed());
  EXPECT_EQ(rows(folder_ / "out"), expected_);
}

TEST_P(ResumedPipeline, AnotherRunWithResume) {
  const FailLate disturbance{folder_ / "state"};
  const Build job_of = [&](Job& job) { build(job, disturbance, folder_ / "out"); };
  EXPECT_THAT(failure_of(words(kNoRestart), job_of), HasSubstr("once"));
  EXPECT_THAT(failure_of(words(), job_of), HasSubstr("--resume")) << "a used folder is refused";
  run_job(words({"--resume"}), job_of);
  EXPECT_EQ(rows(folder_ / "out"), expected_);
}

TEST_P(ResumedPipeline, AnotherRunAtAnotherParallelism) {
  const FailLate disturbance{folder_ / "state"};
  const Build job_of = [&](Job& job) { build(job, disturbance, folder_ / "out"); };
  EXPECT_THAT(failure_of(words(kNoRestart), job_of), HasSubstr("once"));
  run_job(words({"--resume"}, 3), job_of);
  EXPECT_EQ(rows(folder_ / "out"), expected_);
}

TEST(Resume, AStartThatASinkRefusesLeavesTheCheckpointFolderAsItWas) {
  const TemporaryFolder folder;
  const auto job_into = [&](const std::string& out) {
    return [path = folder / out](Job& job) { build(job, [](const Bid& b) { return b; }, path); };
  };
  std::filesystem::create_directories(folder / "others");
  std::ofstream{folder / "others/part-0-1-0.json"} << "{}\n";
  const Words words{"--checkpoint-dir", folder / "state"};
  EXPECT_THAT(failure_of(words, job_into("others")), HasSubstr("of unknown origin"));
  run_job(words, job_into("out"));
  EXPECT_FALSE(rows(folder / "out").empty());
}

TEST(Resume, InAnEmptyFolderStartsAnew) {
  const TemporaryFolder folder;
  run_job({"--checkpoint-dir", folder / "state", "--resume"}, [&](Job& job) { build(job, [](const Bid& b) { return b; }, folder / "out"); });
  EXPECT_FALSE(rows(folder / "out").empty());
}

}  // namespace
}  // namespace tidemark
