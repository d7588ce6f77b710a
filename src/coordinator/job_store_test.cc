#include "coordinator/job_store.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "control/described_value.h"
#include "coordinator/simulated_job.h"

namespace tidemark {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr const char* kFolder = "/jm";
const std::string kId = "0123456789abcdef0123456789abcdef";
const std::string kOther = "1123456789abcdef0123456789abcdef";

JobRecord sample(const std::string& id, std::int64_t submitted_ms) {
  JobRecord record{.id = id, .executable = std::string(64, 'a'), .arguments = {"--parallelism=4"}, .submitted_ms = submitted_ms};
  record.description.library = "0.1.0";
  record.description.plan = counting_job();
  record.options = {{"execution.checkpointing.dir", "/state"}};
  record.failures = {{.at_ms = 5, .message = "worker 1 of 2: ended by signal 9 (SIGKILL)"}};
  record.checkpoints = {{.id = 7, .path = "/state/count/chk-7-1"}};
  return record;
}

class JobStoreTest : public testing::Test {
 protected:
  std::unique_ptr<JobStore> open() { return value_or_throw(JobStore::open(files_, kFolder)); }
  static std::string path_of(const std::string& id) { return std::string{kFolder} + "/jobs/" + id; }

  MemoryFileSystem files_;
};

TEST_F(JobStoreTest, EachStartIsALaterEpochWhateverCrashes) {
  SplitMixRandom random{1};
  EXPECT_EQ(open()->epoch(), 1u);
  EXPECT_EQ(open()->epoch(), 2u);
  files_.crash_machine(random);
  EXPECT_EQ(open()->epoch(), 3u);
}

TEST_F(JobStoreTest, ASecondOneOnTheFolderIsRefused) {
  const auto first = open();
  const auto second = JobStore::open(files_, kFolder);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), ErrorCode::kFailedPrecondition);
  EXPECT_THAT(second.error().message(), HasSubstr("the JobManager's folder '/jm'"));
}

TEST_F(JobStoreTest, ARecordSurvivesAsItWas) {
  SplitMixRandom random{1};
  {
    const auto store = open();
    ASSERT_TRUE(store->write(sample(kOther, 20)));
    ASSERT_TRUE(store->write(sample(kId, 30)));
    JobRecord ended = sample(kOther, 20);
    ended.end = JobState::kCancelled;
    ended.end_ms = 40;
    ASSERT_TRUE(store->write(ended));
  }
  files_.crash_machine(random);
  const auto records = value_or_throw(open()->read_all());
  ASSERT_THAT(records, SizeIs(2));
  EXPECT_EQ(records[0].end, JobState::kCancelled);
  EXPECT_EQ(records[1].id, kId);
  EXPECT_EQ(records[1].end, std::nullopt);
  EXPECT_EQ(records[1].name(), "count");
  EXPECT_EQ(records[1].arguments, sample(kId, 30).arguments);
  EXPECT_EQ(to_json(records[1].description.plan), to_json(counting_job()));
  EXPECT_EQ(records[1].options, sample(kId, 30).options);
  EXPECT_EQ(records[1].failures.at(0).message, sample(kId, 30).failures[0].message);
  EXPECT_EQ(records[1].checkpoints.at(0).path, sample(kId, 30).checkpoints[0].path);
}

TEST_F(JobStoreTest, ADamagedRecordIsSetAsideAndTheOthersStay) {
  const auto store = open();
  ASSERT_TRUE(store->write(sample(kId, 10)));
  ASSERT_TRUE(store->write(sample(kOther, 20)));
  std::string bytes = value_or_throw(read_file(files_, path_of(kId)));
  bytes[bytes.size() / 2] ^= 1;
  ASSERT_TRUE(replace_file(files_, path_of(kId), bytes));
  const std::string aside = path_of(kId) + ".damaged";
  for (int starts = 0; starts < 2; ++starts) {  // it is not forgotten at the next
    const auto records = value_or_throw(store->read_all());
    ASSERT_THAT(records, SizeIs(2));
    EXPECT_EQ(records[0].id, kId);
    EXPECT_EQ(records[0].end, JobState::kFailed);
    EXPECT_THAT(records[0].failures.at(0).message, testing::AllOf(HasSubstr("is damaged"), HasSubstr(aside)));
    EXPECT_EQ(records[1].id, kOther);
    EXPECT_EQ(records[1].end, std::nullopt);
  }
  EXPECT_FALSE(files_.stat(path_of(kId)));
  EXPECT_EQ(value_or_throw(read_file(files_, aside)), bytes);
  ASSERT_TRUE(files_.remove(aside));
  EXPECT_THAT(value_or_throw(store->read_all()), SizeIs(1));
}

struct RecordOfAnotherVersion {
  std::vector<std::string> id;
};

TEST_F(JobStoreTest, ARecordThatOnlyAnotherVersionReadsIsLeftToThat) {
  const auto store = open();
  const std::string bytes = to_described(RecordOfAnotherVersion{.id = {kId}});
  ASSERT_TRUE(replace_file(files_, path_of(kId), bytes));
  const auto records = store->read_all();
  ASSERT_FALSE(records);
  EXPECT_EQ(records.error().code(), ErrorCode::kUnsupportedVersion);
  EXPECT_THAT(records.error().message(), testing::AllOf(HasSubstr(path_of(kId)), HasSubstr("another version of Tidemark")));
  EXPECT_EQ(value_or_throw(read_file(files_, path_of(kId))), bytes);
}

TEST_F(JobStoreTest, WithARecordThatTheDiskDoesNotGiveNoJobIsForgotten) {
  const auto store = open();
  ASSERT_TRUE(store->write(sample(kId, 10)));
  files_.set_hook([](FileOperation operation, const std::string&) -> std::optional<Error> {
    if (operation == FileOperation::kRead) return Error{ErrorCode::kIo, "bad sector"};
    return std::nullopt;
  });
  const auto records = store->read_all();
  ASSERT_FALSE(records);
  EXPECT_THAT(records.error().message(), HasSubstr("the record '" + path_of(kId)));
  files_.set_hook(nullptr);
  EXPECT_THAT(value_or_throw(store->read_all()), SizeIs(1));
}

TEST_F(JobStoreTest, ARecordUnderAnotherJobsNameIsNotTaken) {
  const auto store = open();
  ASSERT_TRUE(store->write(sample(kId, 10)));
  ASSERT_TRUE(files_.rename(path_of(kId), path_of(kOther)));
  const auto records = value_or_throw(store->read_all());
  ASSERT_THAT(records, SizeIs(1));
  EXPECT_EQ(records[0].id, kOther);
  EXPECT_TRUE(records[0].is_unreadable);
}

TEST_F(JobStoreTest, WhatIsRemovedIsGone) {
  const auto store = open();
  ASSERT_TRUE(store->write(sample(kId, 10)));
  EXPECT_TRUE(store->remove(kId));
  EXPECT_TRUE(store->remove(kId));
  EXPECT_THAT(value_or_throw(store->read_all()), IsEmpty());
}

TEST_F(JobStoreTest, ADamagedEpochSaysWhatToDo) {
  open();
  ASSERT_TRUE(replace_file(files_, "/jm/EPOCH", "3x\n"));
  const auto store = JobStore::open(files_, kFolder);
  ASSERT_FALSE(store);
  EXPECT_THAT(store.error().message(), HasSubstr("'/jm/EPOCH' is damaged: write a number there"));
}

TEST_F(JobStoreTest, AnEpochThatNoneFollowsIsDamage) {
  open();
  ASSERT_TRUE(replace_file(files_, "/jm/EPOCH", "18446744073709551615\n"));
  const auto store = JobStore::open(files_, kFolder);
  ASSERT_FALSE(store);
  EXPECT_THAT(store.error().message(), HasSubstr("'/jm/EPOCH' is damaged: write a number there"));
  ASSERT_TRUE(replace_file(files_, "/jm/EPOCH", "18446744073709551614\n"));
  EXPECT_EQ(open()->epoch(), 18446744073709551615U);
}

}  // namespace
}  // namespace tidemark
