#include "base/log.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace tidemark {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;

class LogTest : public ::testing::Test {
 protected:
  LogTest() {
    set_log_sink([this](std::string_view line) { lines_.emplace_back(line); });
  }
  ~LogTest() override {
    set_log_sink(nullptr);
    set_log_level(LogLevel::kInfo);
  }
  std::vector<std::string> lines_;
};

constexpr const char* kTime = "[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3} ";

TEST_F(LogTest, ALineHasTimeLevelAndTheMessageAsItIs) {
  set_log_level(LogLevel::kDebug);
  log_debug("d");
  log_info("resumed {} 100%");
  log_warning("w");
  log_error("e");
  ASSERT_EQ(lines_.size(), 4u);
  EXPECT_THAT(lines_[0], MatchesRegex(std::string{kTime} + "DEBUG d"));
  EXPECT_THAT(lines_[1], MatchesRegex(std::string{kTime} + "INFO resumed \\{\\} 100%"));
  EXPECT_THAT(lines_[2], MatchesRegex(std::string{kTime} + "WARN w"));
  EXPECT_THAT(lines_[3], MatchesRegex(std::string{kTime} + "ERROR e"));
}

TEST_F(LogTest, LinesBelowTheLevelAreDropped) {
  log_debug("no");
  EXPECT_FALSE(log_enabled(LogLevel::kDebug));
  set_log_level(LogLevel::kError);
  log_warning("no");
  log_error("yes");
  EXPECT_EQ(lines_.size(), 1u);
}

TEST_F(LogTest, WithoutASinkALineGoesToStderr) {
  set_log_sink(nullptr);
  ::testing::internal::CaptureStderr();
  log_info("hello");
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), MatchesRegex(std::string{kTime} + "INFO hello\n"));
}

TEST_F(LogTest, ALineSaysWhomItIsAbout) {
  set_log_origin("orders-3-w1");
  log_info("a");
  {
    const LogOrigin outer{"job orders"};
    log_info("b");
    {
      const LogOrigin inner{"job bids"};
      log_info("c");
    }
    std::jthread{[] { log_info("of another thread"); }}.join();
    log_info("d");
  }
  set_log_origin({});
  log_info("e");
  ASSERT_EQ(lines_.size(), 6u);
  EXPECT_THAT(lines_[0], EndsWith("INFO [orders-3-w1] a"));
  EXPECT_THAT(lines_[1], EndsWith("INFO [job orders] b"));
  EXPECT_THAT(lines_[2], EndsWith("INFO [job bids] c"));
  EXPECT_THAT(lines_[3], EndsWith("INFO [orders-3-w1] of another thread"));
  EXPECT_THAT(lines_[4], EndsWith("INFO [job orders] d"));
  EXPECT_THAT(lines_[5], EndsWith("INFO e"));
}

TEST_F(LogTest, TheNewestLinesAreKept) {
  const std::string long_message(1000, 'x');
  for (int i = 0; i < 300; ++i) log_info(fmt::format("{} {}", i, long_message));
  const std::string kept = recent_log();
  EXPECT_LE(kept.size(), 256u << 10);
  EXPECT_GT(kept.size(), 255u << 10);
  EXPECT_THAT(kept, HasSubstr(" INFO 299 xxx"));
  EXPECT_THAT(kept, Not(HasSubstr(" INFO 1 xxx")));
  EXPECT_THAT(kept, EndsWith("x\n"));
}

TEST_F(LogTest, LinesOfManyThreadsComeOneByOne) {
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 3; ++t) {
      threads.emplace_back([] {
        for (int i = 0; i < 500; ++i) log_info("x");
      });
    }
  }
  EXPECT_EQ(lines_.size(), 1500u);
}

}  // namespace
}  // namespace tidemark
