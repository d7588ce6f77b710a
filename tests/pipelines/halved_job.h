// A job in two lives: the first ends in the middle of the input, the second goes on from what it left, in whatever shape and
// version. What both say together is what one life says that nobody disturbs.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "env/memory_file_system.h"
#include "in_memory_job.h"
#include "snapshot/checkpoint_store.h"
#include "testing/test_world.h"
#include "tidemark/tidemark.h"

namespace tidemark {

/// One of a job's lives, in the files of its world.
struct Life {
  std::int64_t number;
  FileSystem& files;
  operator std::int64_t() const { return number; }
};

/// A job in one of its versions.
struct JobVersion {
  std::function<void(Job&, const Life&)> build;
  std::function<std::vector<std::string>(TestWorld&, const JobOutcome&)> rows;  ///< all that it has said in the end, sorted
};

struct HalvedJob {
  std::string name;
  std::uint64_t records;                           ///< that its sources read
  std::function<void(FileSystem&)> write_input;    ///< what they read that nobody makes
  JobVersion before;
  JobVersion after;  ///< with other types, and the same rows
};

/// Of a sink's files.
inline void append_rows(FileSystem& files, const std::string& folder, std::vector<std::string>& rows) {
  for (const DirectoryEntry& entry : value_or_throw(files.list(folder))) {
    if (!entry.name.starts_with("part-")) continue;
    const std::string content = value_or_throw(read_file(files, join_path(folder, entry.name)));
    for (std::size_t from = 0; from < content.size();) {
      const std::size_t end = content.find('\n', from);
      rows.push_back(content.substr(from, end - from));
      from = end + 1;
    }
  }
}

/// A job's life: where its keyed state lies, and how wide it is.
struct Shape {
  bool spills_state = false;
  std::uint32_t parallelism = 1;
  std::uint32_t workers = 1;  ///< that share its tasks
};

inline InMemorySettings settings_of(Shape shape, bool incremental) {
  InMemorySettings result{.parallelism = shape.parallelism, .workers = shape.workers};
  result.master.incremental_checkpoints = incremental;
  return result;
}

enum class StopWith {
  kCheckpoint,
  kSavepoint,
  kDeath,  ///< as soon as a periodic checkpoint is complete: sinks have what it has prepared, and have not committed it
};

/// Until about half of the records are read.
inline void run_first_half(TestWorld& world, const HalvedJob& halved, Shape shape, bool incremental, StopWith with) {
  world.spills_state = shape.spills_state;
  halved.write_input(world.files);
  InMemoryJob job{world, [&](Job& j) { halved.before.build(j, {1, world.files}); }, settings_of(shape, incremental)};
  // So that there are some to build on.
  for (const std::uint64_t read : {halved.records / 4, halved.records / 3}) {
    ASSERT_TRUE(job.run_until_read(read));
    ASSERT_TRUE(job.take_checkpoint());
  }
  ASSERT_TRUE(job.run_until_read(halved.records / 2));
  if (with == StopWith::kDeath) {
    ASSERT_TRUE(job.take_checkpoint());
    return job.die();
  }
  std::optional<Result<SnapshotTaken>> taken;
  if (with == StopWith::kCheckpoint) {
    job.master().request_stop();
  } else {
    job.master().request_snapshot({.then = SnapshotOrder::Then::kStop, .dir = "/savepoints"},
                                  [&](Result<SnapshotTaken> result) { taken = std::move(result); });
  }
  const JobOutcome& outcome = job.run();
  ASSERT_EQ(outcome.state, JobState::kStopped) << (outcome.error ? outcome.error->message() : "");
  ASSERT_EQ(taken.has_value(), with == StopWith::kSavepoint);
  ASSERT_TRUE(!taken || *taken);
}

inline std::vector<std::string> run_to_the_end(TestWorld& world, const JobVersion& version, Shape shape, bool incremental,
                                               std::int64_t life, const InMemorySettings& from = {}) {
  world.spills_state = shape.spills_state;
  InMemorySettings settings = settings_of(shape, incremental);
  settings.checkpoints = from.checkpoints;
  settings.resume = from.resume;
  settings.master.lazy_restore = from.master.lazy_restore;
  InMemoryJob job{world, [&](Job& j) { version.build(j, {life, world.files}); }, settings};
  const JobOutcome outcome = job.run();
  EXPECT_EQ(outcome.state, JobState::kFinished) << (outcome.error ? outcome.error->message() : "");
  if (outcome.state != JobState::kFinished) return {};
  return version.rows(world, outcome);
}

/// The rows of one life.
inline std::vector<std::string> undisturbed(const HalvedJob& halved) {
  TestWorld world{1};
  halved.write_input(world.files);
  return run_to_the_end(world, halved.before, {}, false, 1);
}

/// Rows that only one of the two has, a few of them.
inline std::string difference(const std::vector<std::string>& got, const std::vector<std::string>& expected) {
  std::vector<std::string> lost, wrong;
  std::ranges::set_difference(expected, got, std::back_inserter(lost));
  std::ranges::set_difference(got, expected, std::back_inserter(wrong));
  std::string text;
  for (std::size_t i = 0; i < lost.size() && i < 5; ++i) text += "lost " + lost[i] + "\n";
  for (std::size_t i = 0; i < wrong.size() && i < 5; ++i) text += "wrong " + wrong[i] + "\n";
  return text;
}

}  // namespace tidemark
