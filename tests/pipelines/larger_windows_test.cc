// Jobs whose windows do not fit into memory: on RocksDB they go on, and their rows are those of a job with memory enough.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <string>

#include "disturbance.h"
#include "run_job.h"

namespace tidemark {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Visit {
  std::int64_t user = 0;
  Timestamp at;
};
constexpr std::uint64_t kVisits = 120'000;
constexpr std::int64_t kMiddleMs = kVisits / 2;

Visit visit(std::uint64_t n) { return {static_cast<std::int64_t>(n * 7919 % 20'011), Timestamp{static_cast<std::int64_t>(n)}}; }

/// About a megabyte for each ten thousand of them.
std::string page_of(const Visit& visit) {
  return "https://tidemark.example/users/of/the/longer/sort/" + std::to_string(visit.user);
}

struct Row {
  std::string page;
  std::int64_t start = 0;
  std::int64_t visits = 0;
  std::int64_t users = 0;
};

class LargerWindows : public ::testing::TestWithParam<const char*> {
 protected:
  Words little_memory() const { return {"-D", "memory.state=12mb"}; }
  Words rocksdb() const {
    Words words = little_memory();
    const std::string localdir = "state.backend.rocksdb.localdir=" + (folder_ / "local");
    words.insert(words.end(), {"-D", "state.backend.type=rocksdb", "-D", localdir});
    return words;
  }
  Words with_checkpoints(Words words) const {
    words.insert(words.end(), {"--checkpoint-dir", folder_ / "checkpoints", "--checkpoint-interval", "50ms"});
    return words;
  }
  template <class Disturbance>
  Build job(const std::string& output, const Disturbance& disturbance) const {
    return [=, this](Job& job) {
      job.from(generate<Visit>(kVisits, visit).event_time(&Visit::at, out_of_order_by(0ms))).uid("visits").parallelism(1)
          .map(disturbance).parallelism(1)
          .key_by(page_of)
          .window(sliding(60s, 20s))
          .aggregate(together(count(), count_distinct(&Visit::user))).uid("windows")
          .filter([](const auto& row) { return row.key.back() == '7'; })
          .map([](const auto& row) { return Row{row.key, row.start.ms(), std::get<0>(row.value), std::get<1>(row.value)}; })
          .to(write_files(folder_ / output, as_json())).uid("out");
    };
  }
  static Visit same(const Visit& visit) { return visit; }

  TemporaryFolder folder_;
};
INSTANTIATE_TEST_SUITE_P(Incremental, LargerWindows, ::testing::Values("false", "true"));

TEST_P(LargerWindows, GiveTheSameRowsAlsoAfterAFailure) {
  const FailOnce<Visit> fails{folder_ / "checkpoints", kMiddleMs};
  Words words = with_checkpoints(rocksdb());
  words.insert(words.end(), {"-D", std::string{"execution.checkpointing.incremental="} + GetParam()});
  run_job(words, job("rows", fails));
  EXPECT_TRUE(fails.has_failed());
  run_job({}, job("undisturbed", same));
  EXPECT_EQ(rows(folder_ / "rows"), rows(folder_ / "undisturbed"));
  EXPECT_TRUE(std::filesystem::is_empty(folder_ / "local"));
}

TEST_F(LargerWindows, InMemoryFailTheJobAndSayWhatToDo) {
  EXPECT_THAT(failure_of(little_memory(), job("rows", same)), HasSubstr("memory.state allows 12 MiB"));
}

}  // namespace
}  // namespace tidemark
