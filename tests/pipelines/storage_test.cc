// A job whose snapshots lie in a storage of its author's.
#include <gmock/gmock.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <thread>

#include "control/control_folder.h"
#include "control/http.h"
#include "disturbance.h"
#include "env/posix_file_system.h"
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

/// The number of the newest complete checkpoint; 0: there is none.
long newest_checkpoint_in(Storage& storage) {
  long newest = 0;
  for (const StorageEntry& entry : storage.list("/snapshots/test")) {
    try {
      storage.stat("/snapshots/test/" + entry.name + "/_metadata");
      newest = std::max(newest, checkpoint_number(entry.name));
    } catch (const Error&) {  // it is not complete, or removed meanwhile
    }
  }
  return newest;
}

/// Behind the middle of the input it fails, once there is a checkpoint in the storage.
FailOnce<Click> fail_behind_a_checkpoint(const std::shared_ptr<Storage>& storage) {
  return {[storage] { return newest_checkpoint_in(*storage); }, static_cast<std::int64_t>(kClicks) / 2};
}

void build_with(const std::function<Click(const Click&)>& map, Job& job, const std::shared_ptr<Storage>& storage,
                const std::string& output) {
  job.store_snapshots_in(storage);
  job.from(generate<Click>(kClicks, click).event_time(&Click::at, out_of_order_by(0ms))).uid("clicks")
      .map(map)
      .key_by(&Click::user)
      .process<Count>().uid("count")
      .to(write_files(output, as_json())).uid("out");
}

void build(Job& job, const std::shared_ptr<Storage>& storage, const std::shared_ptr<Storage>& fails_with,
           const std::string& output) {
  if (fails_with == nullptr) return build_with([](const Click& click) { return click; }, job, storage, output);
  build_with(fail_behind_a_checkpoint(fails_with), job, storage, output);
}

const Words kWords{"--checkpoint-dir", "/snapshots", "--checkpoint-interval", "5ms", "-D", "restart-strategy.type=none"};

class StorageOfTheAuthor : public ::testing::Test {
 protected:
  StorageOfTheAuthor() { ::setenv("TIDEMARK_CONTROL_DIR", folder_.path().c_str(), 1); }
  ~StorageOfTheAuthor() override { ::unsetenv("TIDEMARK_CONTROL_DIR"); }

  TemporaryFolder folder_;
  std::shared_ptr<MemoryStorage> storage_ = std::make_shared<MemoryStorage>();
};

TEST_F(StorageOfTheAuthor, AJobGoesOnFromTheCheckpointInIt) {
  run_job({}, [&](Job& job) { build(job, nullptr, nullptr, folder_ / "undisturbed"); });
  EXPECT_THAT(failure_of(kWords, [&](Job& job) { build(job, storage_, storage_, folder_ / "rows"); }), HasSubstr("once"));
  Words resumed = kWords;
  resumed.insert(resumed.end(), {"--resume", "--parallelism", "2"});
  run_job(resumed, [&](Job& job) { build(job, storage_, nullptr, folder_ / "rows"); });
  EXPECT_EQ(rows(folder_ / "rows"), rows(folder_ / "undisturbed"));
  EXPECT_FALSE(std::filesystem::exists("/snapshots"));
}

/// The running job of these checkpoints, as the command reaches it.
class RunningJob {
 public:
  explicit RunningJob(const std::string& checkpoint_dir) : name_{wait_for(checkpoint_dir)} {}

  HttpResponse call(const HttpRequest& request) const { return value_or_throw(http_call(name_, request)); }
  /// Stops it with a savepoint, whose path this is.
  std::string stop(const std::string& savepoint_dir) const {
    const HttpRequest stop{.method = "POST",
                           .path = "/v1/jobs/test/stop",
                           .query = {},
                           .body = R"({"triggerId":"t","targetDirectory":")" + savepoint_dir + "\"}"};
    while (!call({.path = "/v1/jobs/overview"}).body.contains("RUNNING")) std::this_thread::sleep_for(1ms);
    call(stop);
    for (;;) {
      const std::string answer = call({.path = "/v1/jobs/test/savepoints/t"}).body;
      const std::size_t at = answer.find("\"location\":\"");
      if (at != std::string::npos) return answer.substr(at + 12, answer.find('"', at + 12) - at - 12);
      if (answer.contains("failure")) throw std::runtime_error{answer};
      std::this_thread::sleep_for(1ms);
    }
  }

 private:
  static UnixSocketName wait_for(const std::string& checkpoint_dir) {
    while (value_or_throw(controlled_jobs(posix_file_system(), control_root(), checkpoint_dir)).empty()) {
      std::this_thread::sleep_for(1ms);
    }
    return value_or_throw(UnixSocketName::in(control_folder(control_root(), checkpoint_dir, "test"), kControlSocket));
  }
  const UnixSocketName name_;
};

TEST_F(StorageOfTheAuthor, ARunningJobStopsWithASavepointInItFromWhichAnotherGoesOn) {
  run_job({}, [&](Job& job) { build(job, nullptr, nullptr, folder_ / "undisturbed"); });
  std::atomic<bool> is_found = false;
  const auto slowly = [&is_found](const Click& click) {
    do std::this_thread::sleep_for(100us);
    while (!is_found);
    return click;
  };
  std::thread thread{[&] { run_job(kWords, [&](Job& job) { build_with(slowly, job, storage_, folder_ / "rows"); }); }};
  const RunningJob running{"/snapshots/"};
  is_found = true;
  std::string path;
  EXPECT_NO_THROW(path = running.stop("/savepoints"));
  thread.join();
  EXPECT_THAT(path, ::testing::StartsWith("/savepoints/savepoint-test-"));
  EXPECT_NO_THROW(storage_->stat(path + "/_metadata"));
  for (const bool has_storage : {true, false}) {
    const Build same = [&](Job& job) { build(job, has_storage ? storage_ : nullptr, nullptr, folder_ / "rows"); };
    EXPECT_EQ(main_of({"--check=" + path}, same), has_storage ? 0 : 2) << "it is on no disk";
  }
  run_job({"--checkpoint-dir", "/next", "--resume=" + path, "--parallelism", "3"},
          [&](Job& job) { build(job, storage_, nullptr, folder_ / "rows"); });
  EXPECT_EQ(rows(folder_ / "rows"), rows(folder_ / "undisturbed"));
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

/// Counts what is read of data files.
class CountingStorage : public MemoryStorage {
 public:
  std::unique_ptr<StorageReader> open(const std::string& path) override {
    auto reader = MemoryStorage::open(path);
    if (!path.ends_with(".snap")) return reader;
    return std::make_unique<Counted>(std::move(reader), bytes_);
  }
  std::uint64_t bytes_read() const { return bytes_; }

 private:
  class Counted : public StorageReader {
   public:
    Counted(std::unique_ptr<StorageReader> from, std::atomic<std::uint64_t>& bytes) : from_{std::move(from)}, bytes_{bytes} {}
    std::size_t read(std::uint64_t offset, std::span<char> out) const override {
      const std::size_t read = from_->read(offset, out);
      bytes_ += read;
      return read;
    }
    std::uint64_t size() const override { return from_->size(); }

   private:
    const std::unique_ptr<StorageReader> from_;
    std::atomic<std::uint64_t>& bytes_;
  };
  std::atomic<std::uint64_t> bytes_ = 0;
};

TEST_F(StorageOfTheAuthor, WhereLocalCopiesAreKeptTheyAreReadInstead) {
  run_job({}, [&](Job& job) { build(job, nullptr, nullptr, folder_ / "undisturbed"); });
  const auto counting = std::make_shared<CountingStorage>();
  const std::string copies = folder_ / "copies";
  Words words = kWords;
  words.insert(words.end(), {"-D", "execution.checkpointing.local-backup.enabled=true", "-D",
                             "execution.checkpointing.local-backup.dirs=" + copies, "-D", "execution.checkpointing.interval=50ms"});
  EXPECT_THAT(failure_of(words, [&](Job& job) { build(job, counting, counting, folder_ / "rows"); }), HasSubstr("once"));
  words.push_back("--resume");
  run_job(words, [&](Job& job) { build(job, counting, nullptr, folder_ / "rows"); });
  EXPECT_EQ(rows(folder_ / "rows"), rows(folder_ / "undisturbed"));
  EXPECT_GT(counting->bytes_read(), 0u);
  EXPECT_LE(counting->bytes_read(), 64u) << "of the one file, its last bytes";
}

TEST_F(StorageOfTheAuthor, TheCodeOfThePageIsThatOfTheTest) {
  const std::string code = slurp(TIDEMARK_SOURCE_DIR "/tests/pipelines/memory_storage.h");
  EXPECT_THAT(code, HasSubstr(block_beginning_with("class MemoryStorage", slurp(TIDEMARK_SOURCE_DIR "/docs/storage.md"))));
}

}  // namespace
}  // namespace tidemark
