// A JobManager's folder as version 1 first wrote it, and what an executable said of itself: tests/compat/v1/cluster. This and every later build must
// read them.
//
// TIDEMARK_WRITE_FIXTURES=1 writes what is not there yet: a fixture is never written anew.
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "control/described_value.h"
#include "coordinator/job_store.h"
#include "coordinator/simulated_job.h"
#include "env/memory_file_system.h"
#include "env/posix_file_system.h"
#include "snapshot/copied_tree.h"

namespace tidemark {
namespace {

const std::string kFixture = TIDEMARK_SOURCE_DIR "/tests/compat/v1/cluster";
const std::string kRunning = "0123456789abcdef0123456789abcdef";
const std::string kEnded = "fedcba9876543210fedcba9876543210";

JobDescription described_job() {
  JobDescription description{.library = "0.1.0", .plan = counting_job({{"total", StateDescriptor::Kind::kValue, R"("uint64")", "", R"("uint64")"}})};
  description.fingerprint = 0xff;
  description.options = {{"execution.checkpointing.interval", "5s"}};
  description.resume = true;
  description.restore_path = "/sp/savepoint-1";
  return description;
}

JobRecord running_job() {
  JobRecord record{.id = kRunning, .request = "digest", .executable = std::string(64, 'a'), .arguments = {"--rate=5"}, .submitted_ms = 1'000, .description = described_job()};
  record.options = {{"execution.checkpointing.dir", "/state"}};
  record.restore_path = "/sp/savepoint-1";
  record.claim = true;
  record.attempts_before = 2;
  record.newest_attempt = 4;
  record.replaces = kEnded;
  record.trial_ms = 600'000;
  record.has_begun_trial = true;
  record.restored = RestoredGlance{.id = 2, .is_savepoint = true, .restored_ms = 2'100, .path = "/sp/savepoint-1"};
  record.restores = 1;
  record.state_times = {{"INITIALIZING", 1'000}, {"RUNNING", 1'100}};
  record.triggered = {{.trigger_id = "monday-1", .is_savepoint = true, .asked = "savepoint /sp", .is_over = true, .taken = {7, "/sp/savepoint-7"}},
                      {.trigger_id = "monday-2", .is_savepoint = false, .asked = "checkpoint", .is_over = true, .failure = "the disk is full"}};
  return record;
}

JobRecord ended_job() {
  JobRecord record{.id = kEnded, .executable = std::string(64, 'b'), .submitted_ms = 500, .description = described_job()};
  record.is_to_be_cancelled = true;
  record.end = JobState::kStopped;
  record.end_ms = 3'000;
  record.stopped_with = "/sp/savepoint-9";
  record.restarts = 3;
  record.completed_checkpoints = 40;
  record.failed_checkpoints = 2;
  record.savepoints = 1;
  record.failures = {{.at_ms = 2'000, .message = "worker count-1-w1 was ended by signal 9 (SIGKILL)", .task = "numbers (1/2)", .place = {"tm-1", "box"}}};
  record.checkpoints = {{.id = 7, .written_bytes = 10, .state_bytes = 700, .duration_ms = 20, .completed_ms = 2'900, .path = "/state/count/chk-7-1",
                         .triggered_ms = 2'880, .acknowledged_ms = 2'899, .tasks = 3, .acknowledged = 3},
                        {.id = 6, .status = CheckpointStatus::kFailed, .failure = "the disk is full"}};
  record.tasks = {.number = 3, .slots = {{.place = {"tm-1", "box"}, .moves = {{TaskState::kRunning, 1'200}, {TaskState::kFinished, 3'000}}}}};
  return record;
}

void write_fixture() {
  FileSystem& files = posix_file_system();
  if (!files.stat(kFixture + "/jobs")) {
    const auto store = value_or_throw(JobStore::open(files, kFixture));
    value_or_throw(store->write(running_job()));
    value_or_throw(store->write(ended_job()));
    value_or_throw(files.remove(kFixture + "/LOCK"));
  }
  if (!files.stat(kFixture + "/description")) value_or_throw(replace_file(files, kFixture + "/description", to_described(described_job())));
}

/// How plans are made changes.
void expect_same_plan(const PhysicalPlan& plan) {
  EXPECT_EQ(plan.logical.job, "count");
  EXPECT_EQ(plan.vertices.size(), 2u);
  ASSERT_EQ(plan.logical.nodes.size(), 3u);
  EXPECT_EQ(plan.logical.nodes[0].uid, "numbers");
  EXPECT_TRUE(plan.logical.nodes[0].keeps_state);
  EXPECT_EQ(plan.logical.nodes[0].states.at(0).name, "total");
  EXPECT_EQ(plan.logical.nodes[2].parallelism, 1u);
  ASSERT_EQ(plan.logical.edges.size(), 2u);
  EXPECT_EQ(plan.logical.edges[1].exchange, Exchange::kGlobal);
}

void expect_same(JobRecord read, JobRecord expected) {
  expect_same_plan(read.description.plan);
  read.description.plan = expected.description.plan = {};
  EXPECT_TRUE(to_described(read) == to_described(expected)) << read.id;
}

class CompatV1Cluster : public testing::Test {
 protected:
  CompatV1Cluster() {
    if (std::getenv("TIDEMARK_WRITE_FIXTURES") != nullptr) write_fixture();
  }
};

TEST_F(CompatV1Cluster, TheFolderOfAJobManager) {
  MemoryFileSystem files;
  copy_tree(posix_file_system(), kFixture, files, "/jm");
  const auto store = value_or_throw(JobStore::open(files, "/jm"));
  EXPECT_EQ(store->epoch(), 2u);
  const auto records = value_or_throw(store->read_all());
  ASSERT_EQ(records.size(), 2u);
  expect_same(records[0], ended_job());
  expect_same(records[1], running_job());
}

TEST_F(CompatV1Cluster, WhatAnExecutableSaysOfItself) {
  auto read = value_or_throw(from_described<JobDescription>(value_or_throw(read_file(posix_file_system(), kFixture + "/description"))));
  JobDescription expected = described_job();
  expect_same_plan(read.plan);
  read.plan = expected.plan = {};
  EXPECT_TRUE(to_described(read) == to_described(expected));
}

}  // namespace
}  // namespace tidemark
