#include "env/rolling_log.h"

#include <gmock/gmock.h>

#include <optional>
#include <string>

#include "env/memory_file_system.h"
#include "env/transport_harness.h"

namespace tidemark {
namespace {

using testing::HasSubstr;

class RollingLogTest : public testing::Test {
 protected:
  void SetUp() override { value_or_throw(files_.make_directories("/logs")); }
  std::string content(const std::string& path) {
    const auto text = read_file(files_, path);
    return text ? *text : "none";
  }
  void fill_disk(FileOperation what) {
    files_.set_hook([what](FileOperation operation, const std::string&) -> std::optional<Error> {
      if (operation != what) return {};
      return Error{ErrorCode::kResourceExhausted, "the disk is full"};
    });
  }
  void free_disk() { files_.set_hook(nullptr); }
  void pass_s(std::int64_t seconds) { clock_.set_ns(clock_.steady_ns() + seconds * 1'000'000'000); }

  test::HandClock clock_;
  MemoryFileSystem files_;
  RollingLog log_{files_, clock_, "/logs/job.log", {.file_bytes = 10, .files = 3}};
};

TEST_F(RollingLogTest, KeepsTheNewestFilesAndNoMore) {
  for (const char* line : {"one....\n", "two....\n", "three..\n", "four...\n", "5\n"}) log_.append(line);
  EXPECT_EQ(content("/logs/job.log"), "four...\n5\n");
  EXPECT_EQ(content("/logs/job.log.1"), "three..\n");
  EXPECT_EQ(content("/logs/job.log.2"), "two....\n");
  EXPECT_EQ(value_or_throw(files_.list("/logs")).size(), 3u);
}

TEST_F(RollingLogTest, OneThatIsThereIsKept) {
  log_.append("first\n");
  RollingLog next{files_, clock_, "/logs/job.log"};
  next.append("second\n");
  EXPECT_EQ(content("/logs/job.log"), "second\n");
  EXPECT_EQ(content("/logs/job.log.1"), "first\n");
}

TEST_F(RollingLogTest, WhatIsLargerThanAFileComesWhole) {
  log_.append("longer than ten bytes\n");
  log_.append("next\n");
  EXPECT_EQ(content("/logs/job.log.1"), "longer than ten bytes\n");
  EXPECT_EQ(content("/logs/job.log"), "next\n");
}

TEST_F(RollingLogTest, AFullDiskCostsWhatItDoesNotTakeAndItIsSaid) {
  log_.append("before\n");
  for (const FileOperation what : {FileOperation::kAppend, FileOperation::kCreate, FileOperation::kRename}) {
    fill_disk(what);
    log_.append("lost lost\n");
    log_.append("lost too.\n");
    free_disk();
    log_.append("a pause..\n");
    pass_s(2);
    log_.append("behind\n");
    EXPECT_THAT(content("/logs/job.log"), testing::AllOf(HasSubstr("[30 bytes of output were lost: "), HasSubstr("behind\n")));
    EXPECT_THAT(content("/logs/job.log"), HasSubstr("the disk is full"));
  }
}

TEST_F(RollingLogTest, ADiskThatStaysFullPushesNoOlderFileOut) {
  log_.append("one....\n");
  log_.append("two....\n");
  fill_disk(FileOperation::kAppend);
  for (int i = 0; i < 10; ++i) {
    log_.append("three..\n");
    pass_s(2);
  }
  free_disk();
  log_.append("four...\n");
  bool has_one = false;
  for (const char* name : {"/logs/job.log.1", "/logs/job.log.2"}) has_one = has_one || content(name) == "two....\n";
  EXPECT_TRUE(has_one);
}

}  // namespace
}  // namespace tidemark
