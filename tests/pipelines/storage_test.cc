// A job whose snapshots lie in a storage of its author's.
#include <gmock/gmock.h>

#include <atomic>
#include <chrono>
#include <filesystem>

#include "disturbance.h"
#include "memory_storage.h"
#include "page_code.h"
#include "run_job.h"

namespace tidemark {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

struct Click {
  std::int64_t user = 0;
  Timestamp at;
};
constexpr std::uint64_t kClicks = 40'000;

Click click(std::uint64_t n) { return {static_cast<std::int64_t>(n % 97), Timestamp{static_cast<std::int64_t>(n)}}; }

struct Count : KeyedProcess<std::int64_t, Click, std::int64_t> {
  ValueState<std::int64_t> clicks;
  explicit Count(Declare& declare) : clicks{declare, "clicks"} {}
  void process(const Click& click, Context&, Out<std::int64_t>& out) override {
    clicks.set(clicks.get() + 1);
    if (clicks.get() % 100 == 0) out.emit(click.user * 1'000'000 + clicks.get());
  }
};

/// Behind the middle of the input it fails for good, once a checkpoint is in the storage.
class FailBehindACheckpoint {
 public:
  explicit FailBehindACheckpoint(std::shared_ptr<Storage> storage) : storage_{std::move(storage)} {}
  Click operator()(const Click& click) const {
    if (storage_ != nullptr && click.at.ms() > static_cast<std::int64_t>(kClicks) / 2) {
      std::this_thread::sleep_for(10us);
      if (click.at.ms() % 64 == 0 && is_complete()) throw std::runtime_error{"on purpose"};
    }
    return click;
  }

 private:
  bool is_complete() const {
    for (const StorageEntry& entry : storage_->list("/snapshots/test")) {
      if (!entry.name.starts_with("chk-")) continue;
      for (const StorageEntry& file : storage_->list("/snapshots/test/" + entry.name)) {
        if (file.name == "_metadata") return true;
      }
    }
    return false;
  }
  std::shared_ptr<Storage> storage_;
};

void build(Job& job, const std::shared_ptr<Storage>& storage, const std::shared_ptr<Storage>& fails_with, const std::string& output) {
  job.store_snapshots_in(storage);
  job.from(generate<Click>(kClicks, click).event_time(&Click::at, out_of_order_by(0ms))).uid("clicks")
      .map(FailBehindACheckpoint{fails_with})
      .key_by(&Click::user)
      .process<Count>().uid("count")
      .to(write_files(output, as_json())).uid("out");
}

const Words kWords{"--checkpoint-dir", "/snapshots", "--checkpoint-interval", "5ms", "-D", "restart-strategy.type=none"};

class StorageOfTheAuthor : public ::testing::Test {
 protected:
  TemporaryFolder folder_;
  std::shared_ptr<MemoryStorage> storage_ = std::make_shared<MemoryStorage>();
};

TEST_F(StorageOfTheAuthor, AJobGoesOnFromTheCheckpointInIt) {
  run_job({}, [&](Job& job) { build(job, nullptr, nullptr, folder_ / "undisturbed"); });
  EXPECT_THAT(failure_of(kWords, [&](Job& job) { build(job, storage_, storage_, folder_ / "rows"); }), HasSubstr("on purpose"));
  Words resumed = kWords;
  resumed.insert(resumed.end(), {"--resume", "--parallelism", "2"});
  run_job(resumed, [&](Job& job) { build(job, storage_, nullptr, folder_ / "rows"); });
  EXPECT_EQ(rows(folder_ / "rows"), rows(folder_ / "undisturbed"));
  EXPECT_FALSE(std::filesystem::exists("/snapshots"));
}

TEST_F(StorageOfTheAuthor, ASecondJobIsRefused) {
  const auto held = storage_->lock("/snapshots/test/LOCK");
  EXPECT_THAT(failure_of(kWords, [&](Job& job) { build(job, storage_, nullptr, folder_ / "rows"); }), HasSubstr("/snapshots/test/LOCK"));
}

/// Fails in every call that writes, from the n-th on.
class FullStorage : public MemoryStorage {
 public:
  explicit FullStorage(int calls) : left_{calls} {}
  std::unique_ptr<StorageWriter> create(const std::string& path, bool replace) override {
    if (left_-- <= 0) throw std::runtime_error{"the quota is used up"};
    return MemoryStorage::create(path, replace);
  }

 private:
  std::atomic<int> left_;
};

TEST_F(StorageOfTheAuthor, WhatItThrowsFailsCheckpointsAndAtTheEndIsSaid) {
  const auto full = std::make_shared<FullStorage>(3);
  const std::string failure = failure_of(kWords, [&](Job& job) { build(job, full, nullptr, folder_ / "rows"); });
  EXPECT_THAT(failure, HasSubstr("the storage failed: the quota is used up"));
}

TEST_F(StorageOfTheAuthor, TheCodeOfThePageIsThatOfTheTest) {
  const std::string code = slurp(TIDEMARK_SOURCE_DIR "/tests/pipelines/memory_storage.h");
  EXPECT_THAT(code, HasSubstr(block_beginning_with("class MemoryStorage", slurp(TIDEMARK_SOURCE_DIR "/docs/storage.md"))));
}

}  // namespace
}  // namespace tidemark
