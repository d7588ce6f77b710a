// Keyed functions whose state lies in a store, against a model: any use of any kind of state, with keys that come and go,
// snapshots that are written meanwhile, and restores into either backend.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "env/posix_env.h"
#include "env/scratch_folder.h"
#include "env/split_mix_random.h"
#include "operators/operator_harness.h"
#include "state/memory_state_store.h"
#include "state/rocksdb_stores.h"
#include "tidemark/detail/operators/keyed_process.h"
#include "tidemark/detail/state/state_memory.h"

namespace tidemark::detail {
namespace {

using testing::HasSubstr;

constexpr std::uint32_t kMaxParallelism = 128;
using TwoNumbers = std::pair<std::int64_t, std::int64_t>;

constexpr std::int64_t kLife_s = 20;

/// What a record does to its key.
enum class Deed : std::uint8_t { kAdd, kClear, kAppend, kClearList, kPut, kRemove, kClearMap, kStamp, kPutStamped, kTimer, kLook };
constexpr std::uint64_t kDeeds = 11;

/// All that is remembered of a key.
struct Known {
  std::optional<std::int64_t> sum;
  std::vector<std::string> list;
  std::map<std::int64_t, std::string> map;
  std::optional<std::pair<std::int64_t, std::int64_t>> stamped;                  // value, written at
  std::map<std::int64_t, std::pair<std::int64_t, std::int64_t>> stamped_map;  // likewise
  friend bool operator==(const Known&, const Known&) = default;
};

std::string text_of(const Known& known, std::int64_t now_s) {
  std::string text = known.sum ? std::to_string(*known.sum) : "-";
  for (const auto& item : known.list) text += " " + item;
  for (const auto& [key, value] : known.map) text += " " + std::to_string(key) + "=" + value;
  if (known.stamped && known.stamped->second + kLife_s > now_s) text += " !" + std::to_string(known.stamped->first);
  for (const auto& [key, value] : known.stamped_map) {
    if (value.second + kLife_s > now_s) text += " !" + std::to_string(key) + "=" + std::to_string(value.first);
  }
  return text;
}

template <class K>
struct Event {
  K key{};
  Deed deed = Deed::kLook;
  std::int64_t value = 0;
};
template <class K>
struct KeyOf {
  K operator()(const Event<K>& event) const { return event.key; }
};

/// Does it, and tells all that it knows of the key.
template <class K>
struct Subject : KeyedProcess<K, Event<K>, std::string> {
  using Base = KeyedProcess<K, Event<K>, std::string>;
  using Context = typename Base::Context;
  typename Base::template ValueState<std::int64_t> sum_;
  typename Base::template ListState<std::string> list_;
  typename Base::template MapState<std::int64_t, std::string> map_;
  typename Base::template ValueState<std::int64_t, Ttl> stamped_;
  typename Base::template MapState<std::int64_t, std::int64_t, Ttl> stamped_map_;

  explicit Subject(Declare& declare)
      : sum_{declare, "sum"},
        list_{declare, "list"},
        map_{declare, "map"},
        stamped_{declare, "stamped", ttl(std::chrono::seconds{kLife_s})},
        stamped_map_{declare, "stamped-map", ttl(std::chrono::seconds{kLife_s})} {}

  void process(const Event<K>& event, Context& ctx, Out<std::string>& out) override {
    switch (event.deed) {
      case Deed::kAdd: sum_.mutate([&](std::int64_t& sum) { sum += event.value; }); break;
      case Deed::kClear: sum_.clear(); break;
      case Deed::kAppend: list_.add(std::string(static_cast<std::size_t>(event.value % 40), 'x')); break;
      case Deed::kClearList: list_.clear(); break;
      case Deed::kPut: map_.put(event.value % 3, std::to_string(event.value)); break;
      case Deed::kRemove: map_.remove(event.value % 3); break;
      case Deed::kClearMap: map_.clear(); break;
      case Deed::kStamp: stamped_.set(event.value); break;
      case Deed::kPutStamped: stamped_map_.put(event.value % 3, event.value); break;
      case Deed::kTimer: ctx.timers().at(Timestamp{event.value}); break;
      case Deed::kLook: break;
    }
    tell(out);
  }
  void on_timer(Timestamp at, Context&, Out<std::string>& out) override {
    sum_.mutate([&](std::int64_t& sum) { sum += at.ms(); });
    tell(out);
  }
  void tell(Out<std::string>& out) {
    Known known;
    if (const auto* sum = sum_.find()) known.sum = *sum;
    known.list = list_.get();
    known.map = map_.entries();
    if (const auto* stamped = stamped_.find()) known.stamped = {*stamped, 1'000'000};
    for (const auto& [key, value] : stamped_map_.entries()) known.stamped_map[key] = {value, 1'000'000};
    out.emit(text_of(known, 0));
  }
};

/// The same on a model; gives what the subject tells.
std::string do_to(Known& known, Deed deed, std::int64_t value, std::int64_t now_s) {
  switch (deed) {
    case Deed::kAdd: known.sum = known.sum.value_or(0) + value; break;
    case Deed::kClear: known.sum.reset(); break;
    case Deed::kAppend: known.list.push_back(std::string(static_cast<std::size_t>(value % 40), 'x')); break;
    case Deed::kClearList: known.list.clear(); break;
    case Deed::kPut: known.map[value % 3] = std::to_string(value); break;
    case Deed::kRemove: known.map.erase(value % 3); break;
    case Deed::kClearMap: known.map.clear(); break;
    case Deed::kStamp: known.stamped = {value, now_s}; break;
    case Deed::kPutStamped: known.stamped_map[value % 3] = {value, now_s}; break;
    case Deed::kTimer:
    case Deed::kLook: break;
  }
  return text_of(known, now_s);
}

enum class Memory {
  kNothing,     ///< each key leaves after its batch
  kByChance,    ///< some stay
  kEverything,  ///< no key ever leaves
};

enum class Stores {
  kWithoutFiles,  ///< in memory; each checkpoint is whole
  kWithFiles,     ///< in memory; checkpoints consist of their files
  kRocksdb,       ///< on disk; likewise
};

/// All subtasks of the operator, and a model of what they hold.
template <class K>
class Operator {
 public:
  Operator(std::uint64_t seed, Memory memory, Stores stores = Stores::kWithoutFiles)
      : random_{seed},
        by_chance_{memory == Memory::kByChance},
        is_incremental_{stores != Stores::kWithoutFiles},
        budget_{memory == Memory::kNothing ? 1 : std::uint64_t{1} << 30} {
    world_.env.random = &random_;
    world_.clock.now_ms = 1'000'000;
    if (is_incremental_) value_or_throw(world_.files.make_directories(kSharedCheckpointFolder));
    if (stores == Stores::kWithFiles) stores_.give_files(world_.files, "/local");
    if (stores != Stores::kRocksdb) return;
    world_.env.files = posix_.env().files;
    world_.env.storage = &world_.files;
    // With random numbers of its own, so that the records of a seed are those of the other stores.
    rocksdb_ = value_or_throw(RocksdbStores::create(posix_.env(), testing::TempDir() + "/tidemark-spilled-state", 0));
  }

  /// With what `snapshots` hold; in a store or in memory.
  void open(std::uint32_t parallelism, bool spills, const std::vector<OperatorSnapshot>& snapshots = {}) {
    close();
    ++attempt_;
    StateStores* const stores = rocksdb_ != nullptr ? static_cast<StateStores*>(rocksdb_.get()) : &stores_;
    world_.env.state_stores = spills ? stores : nullptr;
    world_.env.other_stores = spills ? nullptr : stores;
    world_.env.scratch = &scratch_;
    world_.env.state_memory = spills && !by_chance_ ? &budget_ : nullptr;
    for (std::uint32_t i = 0; i < parallelism; ++i) {
      auto& subtask = subtasks_.emplace_back(std::make_unique<Subtask>(world_, i, parallelism));
      subtask->context.context.attempt = attempt_;
      if (is_incremental_) subtask->context.context.shared_folder = kSharedCheckpointFolder;
      subtask->context.context.restore = restore_of(snapshots, subtask->context.context.key_groups());
      subtask->op.out().add_receiver(subtask->end);
      subtask->op.open(subtask->context.context);
    }
  }
  void close() {
    for (auto& subtask : subtasks_) subtask->context.run_mail();
    subtasks_.clear();
  }
  ~Operator() { close(); }

  /// A batch for each subtask, of random deeds.
  void process(std::size_t records, std::uint64_t keys) {
    std::vector<TypedBatch<Event<K>>> batches(subtasks_.size());
    std::vector<std::vector<std::string>> expected(subtasks_.size());
    for (std::size_t n = 0; n < records; ++n) {
      const std::uint64_t number = random_.next() % keys;
      const auto deed = static_cast<Deed>(random_.next() % kDeeds);
      auto value = static_cast<std::int64_t>(random_.next() % 1000);
      if (deed == Deed::kTimer) value += watermark_;
      const Event<K> event{key(number), deed, value};
      const std::size_t to = subtask_of(key_group_of(hash_key<K>(event.key), kMaxParallelism),
                                        static_cast<std::uint32_t>(subtasks_.size()), kMaxParallelism);
      batches[to].append(event, 0);
      expected[to].push_back(do_to(model_[number], deed, value, world_.clock.now_ms / 1000));
      if (deed == Deed::kTimer) timers_[value].emplace(number, 0);
    }
    for (std::size_t i = 0; i < subtasks_.size(); ++i) {
      if (batches[i].size() == 0) continue;
      hash_keys(batches[i], KeyOf<K>{});
      subtasks_[i]->op.receive(batches[i]);
      ASSERT_EQ(subtasks_[i]->take(), expected[i]);
    }
  }
  void advance(std::int64_t by) {
    watermark_ += by;
    std::multiset<std::string> expected;
    while (!timers_.empty() && timers_.begin()->first <= watermark_) {
      for (const auto& [number, unused] : timers_.begin()->second) {
        expected.insert(do_to(model_[number], Deed::kAdd, timers_.begin()->first, world_.clock.now_ms / 1000));
      }
      timers_.erase(timers_.begin());
    }
    std::multiset<std::string> told;
    for (auto& subtask : subtasks_) {
      while (!subtask->op.advance(Timestamp{watermark_})) {
      }
      for (auto& text : subtask->take()) told.insert(std::move(text));
    }
    ASSERT_EQ(told, expected);
  }
  void pass_time(std::int64_t seconds) { world_.clock.now_ms += seconds * 1000; }

  /// One of each subtask, for write_snapshot(), which any thread may call.
  void begin_snapshot(bool is_gone_on_from = true) {
    const CheckpointId id = ++world_.last_checkpoint;
    for (auto& subtask : subtasks_) {
      world_.last_checkpoint = id - 1;  // one of all subtasks
      started_.push_back(start_snapshot(world_, subtask->op, subtask->context.context));
    }
    if (!is_gone_on_from) return;
    saved_model_ = model_;
    saved_timers_ = timers_;
    saved_watermark_ = watermark_;
  }
  std::vector<OperatorSnapshot> write_snapshot() {
    std::vector<OperatorSnapshot> snapshots;
    for (auto& started : started_) snapshots.push_back(finish_snapshot(std::move(started)));
    started_.clear();
    return snapshots;
  }
  /// Of the snapshot that was written last: files that it does not list go, as with the checkpoint before.
  void complete(const std::vector<OperatorSnapshot>& snapshots) {
    for (auto& subtask : subtasks_) subtask->context.run_mail();
    for (auto& subtask : subtasks_) subtask->op.checkpoint_completed(world_.last_checkpoint);
    std::set<std::string> listed;
    for (const OperatorSnapshot& snapshot : snapshots) {
      for (const SnapshotFile& file : snapshot.keyed_files) listed.insert(file.path);
      for (const StoreFile& file : snapshot.store.files) listed.insert(file.file.path);
    }
    remove_shared([&](const std::string& path) { return !listed.contains(path); });
  }
  /// Its files go.
  void abort() {
    for (auto& subtask : subtasks_) subtask->context.run_mail();
    for (auto& subtask : subtasks_) subtask->op.checkpoint_aborted(world_.last_checkpoint);
    const std::string infix = "-" + std::to_string(world_.last_checkpoint) + "-";
    remove_shared([&](const std::string& path) {
      const std::string name = path.substr(path.rfind('/') + 1);
      return name.find(infix) == name.find('-');
    });
  }
  /// The bytes of a savepoint of each subtask.
  std::vector<std::string> savepoint(const std::string& folder) {
    value_or_throw(world_.files.make_directories(folder));
    std::vector<std::string> bytes;
    for (auto& subtask : subtasks_) {
      const OperatorContext& context = subtask->context.context;
      const SnapshotRequest request{{.id = 7, .kind = CheckpointKind::kSavepoint}, folder, std::to_string(context.name.subtask), "job"};
      const auto work = subtask->op.snapshot(request);
      while (!work->step()) {
      }
      bytes.push_back(value_or_throw(read_file(world_.files, join_path(folder, request.file_prefix + ".snap"))));
      subtask->context.run_mail();
    }
    return bytes;
  }
  /// To what the last snapshot began with.
  void rewind() {
    model_ = saved_model_;
    timers_ = saved_timers_;
    watermark_ = saved_watermark_;
  }
  SplitMixRandom& random() { return random_; }
  MemoryStateStores& stores() { return stores_; }

 private:
  struct Subtask {
    Subtask(TestWorld& world, std::uint32_t subtask, std::uint32_t parallelism) : context{world, subtask, parallelism, kMaxParallelism} {}
    std::vector<std::string> take() { return std::exchange(results, {}); }
    TestContext context;
    std::vector<std::string> results;
    Receiving<std::string> end{[this](const std::string& text, std::int64_t) { results.push_back(text); }};
    KeyedProcessOperator<Subject<K>, KeyOf<K>> op{[](Declare& declare) { return std::make_unique<Subject<K>>(declare); }, KeyOf<K>{}};
  };

  K key(std::uint64_t number) {
    if constexpr (std::is_same_v<K, std::int64_t>) {
      return static_cast<std::int64_t>(number) * 7'919 - 500;
    } else if constexpr (std::is_same_v<K, TwoNumbers>) {
      return {static_cast<std::int64_t>(number % 10), -static_cast<std::int64_t>(number / 10)};
    } else {
      auto& text = texts_[number];
      if (text.empty()) text = (number % 2 == 0 ? "k" : "a key that is longer than what lies in a slot, number ") + std::to_string(number);
      return text;
    }
  }

  template <class Which>
  void remove_shared(Which&& which) {
    for (const DirectoryEntry& entry : value_or_throw(world_.files.list(kSharedCheckpointFolder))) {
      const std::string path = join_path(kSharedCheckpointFolder, entry.name);
      if (which(path)) value_or_throw(world_.files.remove(path));
    }
  }

  SplitMixRandom random_;
  const bool by_chance_;
  const bool is_incremental_;
  StateMemory budget_;
  TestWorld world_;
  MemoryStateStores stores_;
  ScratchFolder scratch_{world_.files, "/scratch", "see to it"};
  PosixEnv posix_{1};
  std::unique_ptr<RocksdbStores> rocksdb_;  // null: stores_
  AttemptId attempt_ = 0;
  std::map<std::uint64_t, std::string> texts_;
  std::vector<std::unique_ptr<Subtask>> subtasks_;
  std::vector<StartedSnapshot> started_;
  std::map<std::uint64_t, Known> model_;
  std::map<std::uint64_t, Known> saved_model_;
  std::map<std::int64_t, std::map<std::uint64_t, int>> timers_;  // by time, the numbers of their keys
  std::map<std::int64_t, std::map<std::uint64_t, int>> saved_timers_;
  std::int64_t watermark_ = 0;
  std::int64_t saved_watermark_ = 0;
};

template <class K>
void use_and_restore(std::uint64_t seed, Memory memory) {
  Operator<K> op{seed, memory};
  op.open(1, true);
  for (int attempt = 0; attempt < 6; ++attempt) {
    for (int batch = 0; batch < 8; ++batch) {
      op.process(1 + op.random().next() % 200, 150);
      op.advance(static_cast<std::int64_t>(op.random().next() % 300));
      if (op.random().next() % 4 == 0) op.pass_time(static_cast<std::int64_t>(op.random().next() % 15));
    }
    op.begin_snapshot();
    std::vector<OperatorSnapshot> snapshots;
    std::thread writer{[&] { snapshots = op.write_snapshot(); }};
    for (int batch = 0; batch < 4; ++batch) op.process(1 + op.random().next() % 200, 150);
    op.advance(100);
    writer.join();
    op.rewind();
    op.open(1 + static_cast<std::uint32_t>(op.random().next() % 3), op.random().next() % 4 != 0, snapshots);
    if (testing::Test::HasFatalFailure()) return;
  }
}

/// Checkpoints of which each needs files of those before; some are given up, and now and then one is gone on from.
template <class K>
void go_on_by_files(std::uint64_t seed, Memory memory, Stores stores) {
  Operator<K> op{seed, memory, stores};
  std::uint32_t parallelism = 1;
  bool spills = true;
  op.open(parallelism, spills);
  std::vector<OperatorSnapshot> kept;
  for (int attempt = 0; attempt < 6; ++attempt) {
    for (int checkpoint = 0; checkpoint < 5; ++checkpoint) {
      for (int batch = 0; batch < 3; ++batch) {
        op.process(1 + op.random().next() % 200, 300);
        op.advance(static_cast<std::int64_t>(op.random().next() % 300));
        if (op.random().next() % 4 == 0) op.pass_time(static_cast<std::int64_t>(op.random().next() % 15));
      }
      const bool is_given_up = op.random().next() % 3 == 0 && !(kept.empty() && checkpoint == 4);
      op.begin_snapshot(!is_given_up);
      std::vector<OperatorSnapshot> snapshots;
      std::thread writer{[&] { snapshots = op.write_snapshot(); }};
      for (int batch = 0; batch < 2; ++batch) op.process(1 + op.random().next() % 200, 300);
      if (op.random().next() % 4 == 0) op.savepoint("/savepoint-" + std::to_string(attempt) + "-" + std::to_string(checkpoint));
      writer.join();
      if (is_given_up) {
        op.abort();
      } else {
        kept = std::move(snapshots);
        op.complete(kept);
        for (const OperatorSnapshot& snapshot : kept) ASSERT_EQ(!snapshot.store.files.empty(), spills);
      }
      if (testing::Test::HasFatalFailure()) return;
    }
    op.rewind();
    if (op.random().next() % 2 == 0) {
      parallelism = 1 + static_cast<std::uint32_t>(op.random().next() % 3);
      spills = op.random().next() % 3 != 0;
    }
    op.open(parallelism, spills, kept);
  }
}

class SpilledState : public testing::TestWithParam<Memory> {};

TEST_P(SpilledState, GoesOnFromTheFilesOfStores) {
  for (std::uint64_t seed = 1; seed <= 2 && !HasFatalFailure(); ++seed) {
    go_on_by_files<std::int64_t>(seed, GetParam(), Stores::kWithFiles);
    go_on_by_files<TwoNumbers>(seed, GetParam(), Stores::kWithFiles);
    go_on_by_files<std::string_view>(seed, GetParam(), Stores::kWithFiles);
  }
}
TEST_P(SpilledState, GoesOnFromTheFilesOfRocksdb) {
  go_on_by_files<std::string_view>(1, GetParam(), Stores::kRocksdb);
}

TEST_P(SpilledState, EqualsAModelForNumbers) {
  for (std::uint64_t seed = 1; seed <= 3 && !HasFatalFailure(); ++seed) use_and_restore<std::int64_t>(seed, GetParam());
}
TEST_P(SpilledState, EqualsAModelForPairsOfNumbers) {
  for (std::uint64_t seed = 1; seed <= 3 && !HasFatalFailure(); ++seed) use_and_restore<TwoNumbers>(seed, GetParam());
}
TEST_P(SpilledState, EqualsAModelForTexts) {
  for (std::uint64_t seed = 1; seed <= 3 && !HasFatalFailure(); ++seed) use_and_restore<std::string_view>(seed, GetParam());
}

INSTANTIATE_TEST_SUITE_P(InMemory, SpilledState, testing::Values(Memory::kNothing, Memory::kByChance, Memory::kEverything),
                         [](const auto& way) {
                           return way.param == Memory::kNothing ? "nothing" : way.param == Memory::kByChance ? "by_chance" : "everything";
                         });

TEST(SpilledStateSnapshots, ASavepointIsTheSameToTheByteFromAnyBackend) {
  Operator<std::string_view> in_store{3, Memory::kNothing};
  Operator<std::string_view> in_rocksdb{3, Memory::kNothing, Stores::kRocksdb};
  Operator<std::string_view> in_memory{3, Memory::kNothing};
  in_store.open(2, true);
  in_rocksdb.open(2, true);
  in_memory.open(2, false);
  for (int batch = 0; batch < 20; ++batch) {
    for (auto* op : {&in_store, &in_rocksdb, &in_memory}) {
      op->process(100, 150);
      op->advance(50);
      op->pass_time(2);
    }
  }
  const auto bytes = in_memory.savepoint("/savepoint");
  ASSERT_EQ(bytes.size(), 2u);
  EXPECT_GT(bytes[0].size(), 2000u);
  EXPECT_TRUE(bytes == in_store.savepoint("/savepoint"));
  EXPECT_TRUE(bytes == in_rocksdb.savepoint("/savepoint"));
}

TEST(SpilledStateFailures, WhatTheStoreSaysReachesTheTask) {
  for (const auto refused : {StoreOperation::kGet, StoreOperation::kWrite}) {
    Operator<std::int64_t> op{1, Memory::kNothing};
    bool refuses = false;
    op.stores().set_hook([&](StoreOperation operation, const std::string& store) -> std::optional<Error> {
      if (!refuses || operation != refused) return std::nullopt;
      return Error{ErrorCode::kResourceExhausted, "the disk below " + store + " is full"};
    });
    op.open(1, true);
    op.process(100, 20);
    refuses = true;
    try {
      op.process(100, 20);
      FAIL() << "it went on";
    } catch (const Error& error) {
      EXPECT_THAT(error.message(), HasSubstr("the disk below uid-1-0-1 is full"));
    } catch (const TaskFailure& failure) {
      EXPECT_THAT(failure.error().message(), HasSubstr("the disk below uid-1-0-1 is full"));
    }
  }
}

}  // namespace
}  // namespace tidemark::detail
