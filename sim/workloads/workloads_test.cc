// The oracles themselves: each is content with the files of an undisturbed run, and with nothing that was planted in them.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "connectors/file_split.h"
#include "connectors/list_state.h"
#include "sim/simulated_env.h"
#include "sim/simulated_process.h"
#include "sim/workload.h"
#include "sim/workloads/checkpoint_contents.h"
#include "snapshot/checkpoint_store.h"
#include "tidemark/detail/base/check.h"
#include "tidemark/detail/state/list_items.h"

namespace tidemark {
namespace {

constexpr std::int64_t kMs = 1'000'000;

/// A world in which nothing ever fails, and one job.
class QuietRun {
 public:
  using AtCheckpoint = std::function<void(const std::string& folder, const CheckpointMetadata& checkpoint)>;

  /// Of the workload's versions, by the seed.
  QuietRun(const WorkloadKind& kind, const WorkloadOptions& workload)
      : env{workload.seed},
        workload_{kind.make(workload)},
        parallelism_{workload.parallelism},
        version_{static_cast<std::uint32_t>(workload.seed % workload_->versions())} {
    options_.master.checkpoints.mode = workload.mode;
    options_.master.checkpoints.interval_ns = 4 * kMs;
    options_.master.checkpoints.closing_attempts = 1000;
    options_.master.checkpoints.closing_retry_pause_ns = 5 * kMs;
    options_.master.incremental_checkpoints = workload.seed % 2 == 0;
    env.spill_state(workload.seed % 3 == 0 ? Spilling::kAll : Spilling::kNone);
    workload_->prepare(env.files());
  }

  /// To its end.
  void run(const AtCheckpoint& at_checkpoint = [](const auto&, const auto&) {}) {
    SimulatedJob job = workload_->build(parallelism_, version_);
    const std::string folder = join_path(options_.checkpoint_dir, job.plan.logical.job);
    const auto process = value_or_throw(SimulatedProcess::start(env, std::move(job), options_));
    std::uint64_t seen = 0;
    while (process->step()) {
      if (!is_kept()) continue;
      if (process->master().checkpoint_stats().completed == seen) continue;
      seen = process->master().checkpoint_stats().completed;
      show_newest(folder, at_checkpoint);
    }
    TIDEMARK_CHECK(process->over() && process->master().outcome().state == JobState::kFinished, "a quiet run ends well");
  }

  const Workload& workload() const { return *workload_; }
  bool is_kept() const { return options_.master.checkpoints.mode != CheckpointMode::kNone; }

  SimulatedEnv env;

 private:
  void show_newest(const std::string& folder, const AtCheckpoint& at_checkpoint) {
    const std::string path = join_path(folder, "CURRENT");
    const CheckpointPointer pointer = value_or_throw(decode_pointer(value_or_throw(read_file(env.files(), path)), path));
    const RetainedCheckpoint& newest = pointer.checkpoints.back();
    const std::string name = "chk-" + std::to_string(newest.id) + "-" + std::to_string(newest.attempt);
    at_checkpoint(join_path(folder, name), value_or_throw(load_checkpoint(env.files(), join_path(folder, name))));
  }

  const std::unique_ptr<Workload> workload_;
  ProcessOptions options_;
  const std::uint32_t parallelism_;
  const std::uint32_t version_;
};

WorkloadOptions options_of(std::uint64_t seed) {
  WorkloadOptions options;
  options.seed = seed;
  options.parallelism = 1 + static_cast<std::uint32_t>(seed % 4);
  return options;
}

std::vector<std::string> output_files(FileSystem& files) { return value_or_throw(glob(files, "/out/**/part-*")); }

/// The largest output file, so that there is something to change in it.
std::string largest_output(FileSystem& files) {
  const auto paths = output_files(files);
  return *std::ranges::max_element(paths, {}, [&](const std::string& path) { return value_or_throw(files.stat(path)).size; });
}

std::vector<std::string> lines_of(const std::string& content) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < content.size();) {
    const std::size_t end = content.find('\n', at) + 1;
    lines.push_back(content.substr(at, end - at));
    at = end;
  }
  return lines;
}

/// Changes the lines of the largest output file.
void change_lines(FileSystem& files, const std::function<void(std::vector<std::string>&)>& change) {
  const std::string path = largest_output(files);
  auto lines = lines_of(value_or_throw(read_file(files, path)));
  TIDEMARK_CHECK(lines.size() >= 2, "a file of several rows");
  change(lines);
  std::string content;
  for (const std::string& line : lines) content += line;
  value_or_throw(replace_file(files, path, content));
}

/// An enumerator that has given its readers more: one number, or the rest of a file.
std::string one_more(const std::string& item) {
  EnumeratorState state;
  TIDEMARK_CHECK(detail::decode_item(item, state), "the state of an enumerator");
  detail::UnassignedFiles rest;
  if (const auto number = number_in(state.unassigned)) {
    state.unassigned = std::to_string(*number + 1);
  } else if (detail::decode_versioned(state.unassigned, rest) && !rest.files.empty()) {
    rest.files.pop_back();
    state.unassigned = detail::encode_item(rest);
  }
  return detail::encode_item(state);
}

class WorkloadTest : public testing::TestWithParam<WorkloadKind> {
 protected:
  void SetUp() override {
    set_log_sink([](std::string_view) {});
  }
  void TearDown() override { set_log_sink({}); }

  void expect_refused(const std::function<void(FileSystem&)>& plant, bool also_so_far = true) {
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
      SCOPED_TRACE(seed);
      QuietRun run{GetParam(), options_of(seed)};
      run.run();
      plant(run.env.files());
      EXPECT_NE(run.workload().check_finished(run.env.files()), std::nullopt);
      if (also_so_far) {
        EXPECT_NE(run.workload().check_so_far(run.env.files()), std::nullopt);
      }
    }
  }
};

TEST_P(WorkloadTest, AQuietRunIsRightInEveryMode) {
  for (const CheckpointMode mode : {CheckpointMode::kExactlyOnce, CheckpointMode::kAtLeastOnce, CheckpointMode::kNone}) {
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
      SCOPED_TRACE(seed);
      WorkloadOptions options = options_of(seed);
      options.mode = mode;
      QuietRun run{GetParam(), options};
      int checkpoints = 0;
      run.run([&](const std::string& folder, const CheckpointMetadata& checkpoint) {
        EXPECT_EQ(run.workload().check_so_far(run.env.files()), std::nullopt);
        EXPECT_EQ(run.workload().check_checkpoint(run.env.files(), folder, checkpoint), std::nullopt);
        ++checkpoints;
      });
      EXPECT_EQ(checkpoints > 0, run.is_kept());
      EXPECT_EQ(run.workload().check_so_far(run.env.files()), std::nullopt);
      ASSERT_EQ(run.workload().check_finished(run.env.files()), std::nullopt);
    }
  }
}

TEST_P(WorkloadTest, RowsAreLost) {
  // Two, as the last one may be a timer of processing time, of which nobody can say that there must have been one more.
  expect_refused([](FileSystem& files) { change_lines(files, [](auto& lines) { lines.resize(lines.size() - 2); }); }, false);
}

TEST_P(WorkloadTest, AFileIsLost) {
  expect_refused([](FileSystem& files) { value_or_throw(files.remove(largest_output(files))); }, false);
}

TEST_P(WorkloadTest, ARowIsDoubled) {
  expect_refused([](FileSystem& files) { change_lines(files, [](auto& lines) { lines.push_back(lines.front()); }); });
}

TEST_P(WorkloadTest, AFileIsCommittedAgainByALaterAttempt) {
  expect_refused([](FileSystem& files) {
    const std::string path = largest_output(files);
    value_or_throw(replace_file(files, join_path(parent_path(path), "part-0-9-0.json"), value_or_throw(read_file(files, path))));
  });
}

TEST_P(WorkloadTest, ARowIsTorn) {
  expect_refused([](FileSystem& files) {
    change_lines(files, [](auto& lines) { lines.back().resize(lines.back().size() / 2); });
  });
  expect_refused([](FileSystem& files) {
    change_lines(files, [](auto& lines) { std::ranges::fill(lines.back(), '\0'); });
  });
}

TEST_P(WorkloadTest, ANumberInARowIsWrong) {
  expect_refused([](FileSystem& files) {
    change_lines(files, [](auto& lines) {
      const std::size_t digit = lines.front().find_last_of("0123456789");
      lines.front().insert(digit, "77");
    });
  });
}

TEST_P(WorkloadTest, AFileIsLeftOver) {
  for (const char* name : {".part-0-1-0.json.inprogress", ".part-0-1-0.json.pending", ".part-0-1-0.json.rewrite"}) {
    expect_refused([name](FileSystem& files) {
      value_or_throw(replace_file(files, join_path(parent_path(largest_output(files)), name), ""));
    }, false);
  }
  expect_refused([](FileSystem& files) {
    value_or_throw(replace_file(files, join_path(parent_path(largest_output(files)), "stray.json"), ""));
  });
}

TEST_P(WorkloadTest, ACheckpointSaysThatMoreWasReadThanItsStateHolds) {
  int refused = 0;
  for (std::uint64_t seed = 1; seed <= 25; ++seed) {
    QuietRun run{GetParam(), options_of(seed)};
    run.run([&](const std::string& folder, const CheckpointMetadata& checkpoint) {
      for (std::size_t op = 0; op < checkpoint.operators.size(); ++op) {
        CheckpointMetadata forged = checkpoint;
        for (OperatorSnapshot& subtask : forged.operators[op].subtasks) {
          for (OperatorListState& state : subtask.list_states) {
            if (state.name == "enumerator") state.items = {one_more(state.items.front())};
          }
        }
        if (forged == checkpoint) continue;
        if (run.workload().check_checkpoint(run.env.files(), folder, forged)) ++refused;
      }
    });
  }
  EXPECT_GE(refused, 10);
}

TEST_P(WorkloadTest, ACheckpointHasLostAFileOfItsState) {
  int refused = 0, forged_checkpoints = 0;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    QuietRun run{GetParam(), options_of(seed)};
    run.run([&](const std::string& folder, const CheckpointMetadata& checkpoint) {
      CheckpointMetadata forged = checkpoint;
      for (auto& op : forged.operators) {
        for (OperatorSnapshot& subtask : op.subtasks) subtask.keyed_files.clear();
      }
      if (forged == checkpoint) return;
      ++forged_checkpoints;
      if (run.workload().check_checkpoint(run.env.files(), folder, forged)) ++refused;
    });
  }
  EXPECT_TRUE(forged_checkpoints == 0 || refused > 5);
}

TEST_P(WorkloadTest, ACheckpointHasLostTheBaseOfItsChanges) {
  int refused = 0, forged_checkpoints = 0;
  for (std::uint64_t seed = 2; seed <= 16; seed += 2) {
    QuietRun run{GetParam(), options_of(seed)};
    run.run([&](const std::string& folder, const CheckpointMetadata& checkpoint) {
      CheckpointMetadata forged = checkpoint;
      for (auto& op : forged.operators) {
        for (OperatorSnapshot& subtask : op.subtasks) {
          if (subtask.keyed_files.size() > 1) subtask.keyed_files.erase(subtask.keyed_files.begin());
        }
      }
      if (forged == checkpoint) return;
      ++forged_checkpoints;
      if (run.workload().check_checkpoint(run.env.files(), folder, forged)) ++refused;
    });
  }
  EXPECT_TRUE(forged_checkpoints == 0 || refused > 0) << forged_checkpoints;
}

INSTANTIATE_TEST_SUITE_P(All, WorkloadTest, testing::ValuesIn(workload_kinds()),
                         [](const auto& kind) { return std::string{kind.param.name}; });

}  // namespace
}  // namespace tidemark
