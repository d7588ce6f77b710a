// Jobs whose state of keys does not lie in memory: in RocksDB, and in a store of the author's. Whatever it lies in, and
// whether the job fails, is killed or goes on in another backend, its rows are those of an undisturbed run.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "disturbance.h"
#include "map_state_stores.h"
#include "page_code.h"
#include "run_job.h"

namespace tidemark {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

struct Visit {
  std::int64_t user = 0;
  std::string_view page;
  Timestamp at;
};
constexpr std::uint64_t kVisits = 60'000;
constexpr std::int64_t kMiddleMs = kVisits / 2;

Visit visit(std::uint64_t n) {
  static constexpr std::string_view kPages[]{"/", "/a page whose name is longer than others", "/b"};
  return {static_cast<std::int64_t>(n * 7919 % 5003), kPages[n % 3], Timestamp{static_cast<std::int64_t>(n)}};
}

struct Row {
  std::int64_t user = 0;
  std::int64_t visits = 0;
  std::string last_page;
  std::int64_t pages = 0;
};

/// Something in each kind of state, for many keys.
class History final : public KeyedProcess<std::int64_t, Visit, Row> {
 public:
  explicit History(Declare& declare) : visits_{declare, "visits"}, last_{declare, "last"}, pages_{declare, "pages"} {}
  void process(const Visit& visit, Context& ctx, Out<Row>& out) override {
    visits_.mutate([](std::int64_t& n) { ++n; });
    last_.set(std::string{visit.page});
    pages_.put(std::string{visit.page}, visit.at.ms());
    if (visits_.get() % 5 == 0) out.emit({ctx.key(), visits_.get(), last_.get(), static_cast<std::int64_t>(pages_.entries().size())});
    if (visits_.get() % 7 == 0) pages_.clear();
  }

 private:
  ValueState<std::int64_t> visits_;
  ValueState<std::string> last_;
  MapState<std::string, std::int64_t> pages_;
};

MATCHER_P(NamesOneOf, paths, "names one of the files") {
  return std::ranges::any_of(
      paths, [&](const std::filesystem::path& path) { return arg.find(path.filename().string()) != std::string::npos; });
}

/// Of the size that it had.
void overwrite_middle(const std::filesystem::path& path) {
  std::fstream file{path, std::ios::in | std::ios::out | std::ios::binary};
  file.seekp(static_cast<std::streamoff>(std::filesystem::file_size(path) / 2));
  file << "not what was written there";
}

class StateBackend : public ::testing::Test {
 protected:
  // So little memory that no key stays in it for long.
  Words rocksdb() const {
    return {"-D", "state.backend.type=rocksdb", "-D", "state.backend.rocksdb.localdir=" + (folder_ / "local"), "-D", "memory.state=12mb"};
  }
  Words with_checkpoints(Words words) const {
    words.insert(words.end(), {"--checkpoint-dir", folder_ / "checkpoints", "--checkpoint-interval", "5ms"});
    return words;
  }
  template <class Disturbance>
  Build job(const std::string& output, const Disturbance& disturbance, std::shared_ptr<StateStores> stores = nullptr) const {
    return [=, this](Job& job) {
      job.keep_state_in(stores);
      // One subtask, so that a user's visits stay in their order.
      job.from(generate<Visit>(kVisits, visit).event_time(&Visit::at, out_of_order_by(0ms))).uid("visits").parallelism(1)
          .map(disturbance).parallelism(1)
          .key_by(&Visit::user)
          .template process<History>().uid("history")
          .to(write_files(folder_ / output, as_json())).uid("out");
    };
  }
  std::vector<std::string> undisturbed() const {
    run_job({}, job("undisturbed", [](const Visit& visit) { return visit; }));
    return rows(folder_ / "undisturbed");
  }
  static Words with(Words words, const Words& more) {
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  /// Checkpoints that consist of RocksDB's files, with the options beside.
  Words by_files() const { return with(rocksdb(), {"-D", "execution.checkpointing.incremental=true"}); }
  /// The files that checkpoints share whose name has that in it.
  std::vector<std::filesystem::path> shared(std::string_view part) const {
    std::vector<std::filesystem::path> found;
    for (const auto& entry : std::filesystem::directory_iterator{folder_ / "checkpoints" + "/test/shared"}) {
      if (entry.path().filename().string().find(part) != std::string::npos) found.push_back(entry.path());
    }
    return found;
  }
  std::vector<std::string> left_in_local() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator{folder_ / "local"}) names.push_back(entry.path().filename());
    return names;
  }

  TemporaryFolder folder_;
};

TEST_F(StateBackend, AJobOnRocksdbGoesOnAfterAFailure) {
  const FailOnce<Visit> fails{folder_ / "checkpoints", kMiddleMs};
  run_job(with_checkpoints(rocksdb()), job("rows", fails));
  EXPECT_TRUE(fails.has_failed());
  EXPECT_EQ(rows(folder_ / "rows"), undisturbed());
  EXPECT_THAT(left_in_local(), IsEmpty());
}

TEST_F(StateBackend, AJobGoesOnFromTheFilesOfRocksdbAfterAFailure) {
  const FailOnce<Visit> fails{folder_ / "checkpoints", kMiddleMs};
  run_job(with_checkpoints(by_files()), job("rows", fails));
  EXPECT_TRUE(fails.has_failed());
  EXPECT_EQ(rows(folder_ / "rows"), undisturbed());
  EXPECT_THAT(shared(".sst.snap"), Not(IsEmpty()));
  EXPECT_THAT(left_in_local(), IsEmpty());
}

struct Place {
  const char* name;
  bool on_rocksdb;
  bool incremental;
  const char* parallelism;
};
constexpr Place kPlaces[] = {
    {"RocksdbFiles1", true, true, "1"}, {"RocksdbFiles3", true, true, "3"}, {"Rocksdb2", true, false, "2"}, {"Memory2", false, true, "2"}};

class MovedStateBackend : public StateBackend, public ::testing::WithParamInterface<std::tuple<Place, Place>> {
 protected:
  Words words_of(const Place& place) const {
    Words words = with_checkpoints(place.on_rocksdb ? rocksdb() : Words{"-D", "state.backend.rocksdb.localdir=" + (folder_ / "local")});
    return with(words, {"-D", place.incremental ? "execution.checkpointing.incremental=true" : "execution.checkpointing.incremental=false",
                        "-D", "restart-strategy.type=none", "--parallelism", place.parallelism});
  }
};

TEST_P(MovedStateBackend, AJobGoesOnThereAndBack) {
  const auto& [from, to] = GetParam();
  const Words resumed{"--resume"};
  EXPECT_THAT(failure_of(words_of(from), job("rows", FailOnce<Visit>{folder_ / "checkpoints", kMiddleMs / 2})), HasSubstr("once"));
  EXPECT_THAT(failure_of(with(words_of(to), resumed), job("rows", FailOnce<Visit>{folder_ / "checkpoints", kMiddleMs})), HasSubstr("once"));
  run_job(with(words_of(from), resumed), job("rows", [](const Visit& visit) { return visit; }));
  EXPECT_EQ(rows(folder_ / "rows"), undisturbed());
}

INSTANTIATE_TEST_SUITE_P(Each, MovedStateBackend,
                         ::testing::Combine(::testing::Values(kPlaces[0], kPlaces[1]), ::testing::ValuesIn(kPlaces)),
                         [](const auto& place) {
                           return std::string{std::get<0>(place.param).name} + "And" + std::get<1>(place.param).name;
                         });

TEST_F(StateBackend, AFileOfACheckpointThatIsDamagedOrGoneIsNamed) {
  const Words once = with(with_checkpoints(by_files()), {"-D", "restart-strategy.type=none"});
  EXPECT_THAT(failure_of(once, job("rows", FailOnce<Visit>{folder_ / "checkpoints", kMiddleMs})), HasSubstr("once"));
  const auto resumed = [&] {
    return failure_of(with(once, {"--resume"}), job("rows", [](const Visit& visit) { return visit; }));
  };
  const auto tables = shared(".sst");
  for (const auto& path : tables) overwrite_middle(path);
  EXPECT_THAT(resumed(), NamesOneOf(tables));
  const auto manifests = shared("MANIFEST");
  for (const auto& path : manifests) overwrite_middle(path);
  EXPECT_THAT(resumed(), NamesOneOf(manifests));
  for (const auto& path : manifests) std::filesystem::resize_file(path, std::filesystem::file_size(path) / 2);
  EXPECT_THAT(resumed(), NamesOneOf(manifests));
  for (const auto& path : manifests) std::filesystem::remove(path);
  EXPECT_THAT(resumed(), AllOf(NamesOneOf(manifests), HasSubstr("is missing")));
}

TEST_F(StateBackend, AStoreOfTheAuthorsGoesOnFromTheFilesOfRocksdb) {
  const Words once = with(with_checkpoints(by_files()), {"-D", "restart-strategy.type=none"});
  EXPECT_THAT(failure_of(once, job("rows", FailOnce<Visit>{folder_ / "checkpoints", kMiddleMs})), HasSubstr("once"));
  const auto same = [](const Visit& visit) { return visit; };
  run_job(with(with_checkpoints({"-D", "memory.state=1mb"}), {"--resume"}), job("rows", same, std::make_shared<MapStateStores>()));
  EXPECT_EQ(rows(folder_ / "rows"), undisturbed());
}

TEST_F(StateBackend, AJobMovesIntoRocksdbAndBackAndIsRescaled) {
  const auto never_restarted = [&](Words words) {
    words = with_checkpoints(std::move(words));
    words.insert(words.end(), {"-D", "restart-strategy.type=none"});
    return words;
  };
  EXPECT_THAT(failure_of(never_restarted({}), job("rows", FailOnce<Visit>{folder_ / "checkpoints", kMiddleMs / 2})), HasSubstr("once"));
  Words in_rocksdb = never_restarted(rocksdb());
  in_rocksdb.insert(in_rocksdb.end(), {"--resume", "--parallelism", "3"});
  EXPECT_THAT(failure_of(in_rocksdb, job("rows", FailOnce<Visit>{folder_ / "checkpoints", kMiddleMs * 3 / 2})), HasSubstr("once"));
  run_job(never_restarted({"--resume"}), job("rows", [](const Visit& visit) { return visit; }));
  EXPECT_EQ(rows(folder_ / "rows"), undisturbed());
}

TEST_F(StateBackend, AKilledJobOnRocksdbGoesOnAndLeavesNothing) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    // Slow behind the middle, so that it is killed there.
    run_job(with_checkpoints(rocksdb()), job("rows", [](const Visit& visit) {
              if (visit.at.ms() > kMiddleMs) std::this_thread::sleep_for(1ms);
              return visit;
            }));
    ::_exit(0);
  }
  while (newest_checkpoint(folder_ / "checkpoints") == 0 && ::waitpid(child, nullptr, WNOHANG) == 0) std::this_thread::sleep_for(1ms);
  ASSERT_EQ(::kill(child, SIGKILL), 0);
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_FALSE(left_in_local().empty());
  Words resumed = with_checkpoints(rocksdb());
  resumed.push_back("--resume");
  run_job(resumed, job("rows", [](const Visit& visit) { return visit; }));
  EXPECT_EQ(rows(folder_ / "rows"), undisturbed());
}

TEST_F(StateBackend, AFolderForRocksdbThatIsNoneIsSaidAtTheStart) {
  std::ofstream{folder_ / "local"} << "a file";
  EXPECT_THAT(failure_of(rocksdb(), job("rows", [](const Visit& visit) { return visit; })), HasSubstr("state.backend.rocksdb.localdir"));
}

TEST_F(StateBackend, AStoreOfTheAuthorsWillDo) {
  const FailOnce<Visit> fails{folder_ / "checkpoints", kMiddleMs};
  run_job(with_checkpoints({"-D", "memory.state=1mb"}), job("rows", fails, std::make_shared<MapStateStores>()));
  EXPECT_TRUE(fails.has_failed());
  EXPECT_EQ(rows(folder_ / "rows"), undisturbed());
}

/// Takes nothing.
class FullStore final : public MapStateStore {
 public:
  using MapStateStore::MapStateStore;
  void write(const StateChanges&) override {
    throw Error{ErrorCode::kResourceExhausted, "the store 'far away' is full: make room there"};
  }
};
class FullStores final : public StateStores {
 public:
  std::unique_ptr<StateStore> open(const StateStoreOptions& options) override {
    return std::make_unique<FullStore>(options.states.size());
  }
};

TEST_F(StateBackend, WhatAStoreThrowsIsWhatTheJobFailsWith) {
  const auto same = [](const Visit& visit) { return visit; };
  EXPECT_THAT(failure_of({"-D", "memory.state=1mb"}, job("rows", same, std::make_shared<FullStores>())), HasSubstr("the store 'far away' is full"));
}

TEST_F(StateBackend, TheCodeOfThePageIsThatOfTheTest) {
  const std::string code = slurp(TIDEMARK_SOURCE_DIR "/tests/pipelines/map_state_stores.h");
  EXPECT_THAT(code, HasSubstr(block_beginning_with("using StateMap", slurp(TIDEMARK_SOURCE_DIR "/docs/state-backends.md"))));
}

}  // namespace
}  // namespace tidemark
