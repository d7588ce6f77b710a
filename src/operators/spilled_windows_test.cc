// Windows that do not fit into memory: with a backend that spills their slices go to files, and nobody sees it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "env/scratch_folder.h"
#include "env/split_mix_random.h"
#include "operators/operator_harness.h"
#include "state/memory_state_store.h"
#include "tidemark/detail/operators/window_aggregate.h"
#include "tidemark/detail/state/state_memory.h"

namespace tidemark::detail {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct Event {
  std::int64_t key = 0;
  std::int64_t number = 0;
};
struct ByNumber {
  std::int64_t operator()(const Event& event) const { return event.key; }
};
struct ByText {
  std::string operator()(const Event& event) const { return std::string(100, 'k') + std::to_string(event.key); }
};

/// Keeps the numbers in the order in which they came.
struct Arrivals {
  using Accumulator = std::vector<std::int64_t>;
  void add(Accumulator& numbers, const Event& event) const { numbers.push_back(event.number); }
  void merge(Accumulator& into, const Accumulator& from) const { into.insert(into.end(), from.begin(), from.end()); }
  std::vector<std::int64_t> result(const Accumulator& numbers) const { return numbers; }
};

/// Accumulators that lie outside of the tables: a kilobyte each.
struct LongText {
  using Accumulator = std::string;
  void add(Accumulator& text, const Event&) const { text.append(text.empty() ? 1000 : 1, 'x'); }
  void merge(Accumulator& into, const Accumulator& from) const {
    if (into.empty()) {
      into = from;
    } else if (!from.empty()) {
      into.append(from.size() - 999, 'x');
    }
  }
  std::int64_t result(const Accumulator& text) const { return static_cast<std::int64_t>(text.size()) - 999; }
};

struct Breaking {
  struct Accumulator {
    std::int64_t n = 0, unused = 0;
  };
  void add(Accumulator& a, const Event&) const { ++a.n; }
  void merge(Accumulator&, const Accumulator&) const { throw Error{ErrorCode::kInternal, "no merge today"}; }
  std::int64_t result(const Accumulator& a) const { return a.n; }
};

class SpilledWindows : public testing::Test {
 protected:
  SpilledWindows() {
    world_.env.scratch = &scratch_;
    value_or_throw(world_.files.make_directories(kSharedCheckpointFolder));
  }

  /// An operator with a memory of its own; `spills`: like one of a job whose state may be larger than memory.
  template <class Agg, class KeyFn = ByNumber>
  class Windows {
   public:
    using Op = WindowAggregateOperator<Event, KeyFn, Agg, KeyedRow>;
    using Row = typename Op::Output;

    Windows(SpilledWindows& test, WindowSpec spec, bool spills, std::uint64_t budget_bytes, OperatorRestore restore = {},
            std::string shared_folder = {}, std::int64_t lateness = 0)
        : test_{test}, env{test.world_.env}, memory{budget_bytes}, op{KeyFn{}, {}, spec, Duration{lateness}} {
      env.state_memory = &memory;
      env.state_stores = spills ? &test.stores_ : nullptr;
      context.context.env = &env;
      op.out().add_receiver(end_);
      context.context.restore = std::move(restore);
      context.context.shared_folder = std::move(shared_folder);
      context.context.attempt = ++test.attempts_;
      op.open(context.context);
    }
    ~Windows() { context.run_mail(); }

    void receive(const std::vector<std::pair<Event, std::int64_t>>& records) {
      for (std::size_t at = 0; at < records.size();) {
        TypedBatch<Event> batch;
        for (; batch.size() < batch.capacity() && at < records.size(); ++at) {
          batch.append(records[at].first, records[at].second);
        }
        hash_keys(batch, KeyFn{});
        op.receive(batch);
        most_held = std::max(most_held, memory.held_bytes());
      }
    }
    /// So many keys, each once, at this time.
    void receive_keys(std::int64_t keys, std::int64_t at) {
      std::vector<std::pair<Event, std::int64_t>> records;
      for (std::int64_t key = 0; key < keys; ++key) records.push_back({{key, at}, at});
      receive(records);
    }
    /// The rows, by window and key.
    using Rows = std::map<std::pair<std::int64_t, decltype(Row::key)>, decltype(Row::value)>;
    Rows fire(std::int64_t watermark) {
      rows_.clear();
      while (!op.advance(Timestamp{watermark})) most_held = std::max(most_held, memory.held_bytes());
      return std::exchange(rows_, {});
    }
    Rows take() { return std::exchange(rows_, {}); }
    OperatorSnapshot checkpoint(CheckpointKind kind = CheckpointKind::kPeriodic) {
      const CheckpointId id = ++test_.world_.last_checkpoint;
      const std::string folder = "/checkpoints/" + std::to_string(id) + "-" + std::to_string(++test_.folders_);
      value_or_throw(test_.world_.files.make_directories(folder));
      const SnapshotRequest request{{.id = id, .kind = kind}, folder, "uid-1-0", "job"};
      OperatorSnapshot snapshot = finish_snapshot({folder, op.snapshot(request)});
      context.run_mail();
      op.checkpoint_completed(id);
      return snapshot;
    }

   private:
    SpilledWindows& test_;
    Rows rows_;
    Receiving<Row> end_{[this](const Row& row, std::int64_t) {
      EXPECT_TRUE(rows_.insert_or_assign({row.start.ms(), row.key}, row.value).second) << "it fired twice";
    }};

   public:
    Env env;
    StateMemory memory;
    TestContext context{test_.world_};
    std::uint64_t most_held = 0;
    Op op;
  };

  OperatorRestore restore_from(const OperatorSnapshot& snapshot) { return restore_of({snapshot}, {0, 128}); }
  std::size_t files() {
    const auto entries = world_.files.list("/scratch");
    return entries ? entries->size() : 0;
  }

  TestWorld world_;
  MemoryStateStores stores_;
  ScratchFolder scratch_{world_.files, "/scratch", "see to the disk"};
  AttemptId attempts_ = 0;
  int folders_ = 0;
};

constexpr std::uint64_t kMuch = std::uint64_t{1} << 40;
constexpr WindowSpec kTen = WindowSpec::tumbling(10);

TEST_F(SpilledWindows, KeepToTheirShareAndGiveWhatTheyGiveInMemory) {
  constexpr std::int64_t kKeys = 50'000;
  constexpr std::uint64_t kBudget = 14u << 20;
  const WindowSpec sliding = WindowSpec::sliding(40, 10);
  Windows<CountAggregate, ByText> in_memory{*this, sliding, false, kMuch};
  Windows<CountAggregate, ByText> windows{*this, sliding, true, kBudget};
  const std::uint64_t empty = in_memory.memory.held_bytes();
  for (auto* each : {&in_memory, &windows}) {
    for (std::int64_t slice = 0; slice < 4; ++slice) {
      for (std::int64_t round = 0; round <= slice % 2; ++round) each->receive_keys(kKeys / (1 + slice % 2), slice * 10 + round);
    }
    each->receive({{{0, 0}, 1}});
  }
  EXPECT_GT(in_memory.memory.held_bytes(), empty + kBudget);
  EXPECT_GT(files(), 1u);
  for (const std::int64_t watermark : {9, 29, 1000}) {
    EXPECT_EQ(windows.fire(watermark), in_memory.fire(watermark));
  }
  EXPECT_LE(windows.most_held, kBudget);
  EXPECT_EQ(files(), 0u) << "what is over needs no files";
}

TEST_F(SpilledWindows, CountValuesThatLieOutsideOfTables) {
  constexpr std::uint64_t kBudget = 12u << 20;
  Windows<LongText> windows{*this, kTen, true, kBudget};
  for (std::int64_t slice = 0; slice < 3; ++slice) {
    for (int round = 0; round < 2; ++round) windows.receive_keys(10'000, slice * 10);
  }
  EXPECT_GT(files(), 1u);
  const auto rows = windows.fire(1000);
  EXPECT_EQ(rows.size(), 30'000u);
  EXPECT_TRUE(std::ranges::all_of(rows, [](const auto& row) { return row.second == 2; }));
  EXPECT_LE(windows.most_held, kBudget);
}

TEST_F(SpilledWindows, CountThemThoughACheckpointRunsFromTheFirstOn) {
  constexpr std::uint64_t kBudget = 12u << 20;
  Windows<LongText> windows{*this, kTen, true, kBudget};
  windows.receive_keys(10, 5);
  StartedSnapshot started = start_snapshot(world_, windows.op, windows.context.context);
  for (std::int64_t slice = 1; slice < 4; ++slice) windows.receive_keys(10'000, slice * 10);
  EXPECT_GT(files(), 1u);
  EXPECT_LE(windows.most_held, kBudget);
  finish_snapshot(std::move(started));
}

TEST_F(SpilledWindows, CountWhatIsMerged) {
  for (const bool spills : {false, true}) {
    Windows<CountAggregate> windows{*this, WindowSpec::sliding(20, 10), spills, kMuch};
    for (const std::int64_t at : {5, 15}) windows.receive_keys(50'000, at);
    const std::uint64_t held = windows.memory.held_bytes();
    windows.fire(19);
    EXPECT_GT(windows.most_held, held + 100'000);
  }
}

TEST_F(SpilledWindows, OfManySlicesWithLittleInEachMakeNoFiles) {
  Windows<CountAggregate> in_memory{*this, kTen, false, kMuch};
  for (std::int64_t at = 0; at < 3000; at += 10) in_memory.receive_keys(5, at);
  const OperatorSnapshot snapshot = in_memory.checkpoint();
  Windows<CountAggregate> windows{*this, kTen, true, 8u << 20, restore_from(snapshot)};
  for (std::int64_t at = 0; at < 3000; at += 10) windows.receive_keys(5, at);
  EXPECT_EQ(files(), 0u);
  const auto rows = windows.fire(5000);
  EXPECT_EQ(rows.size(), 1500u);
  EXPECT_TRUE(std::ranges::all_of(rows, [](const auto& row) { return row.second == 2; }));
}

TEST_F(SpilledWindows, WithoutAStoreFailWhereTheyNeedMore) {
  Windows<CountAggregate> windows{*this, kTen, false, 4u << 20};
  try {
    windows.receive_keys(200'000, 0);
    FAIL() << "it went on";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kResourceExhausted);
  }
  EXPECT_EQ(files(), 0u);
}

TEST_F(SpilledWindows, KeepTheOrderInWhichRecordsCame) {
  SplitMixRandom chance{3};
  SplitMixRandom random{4};
  Windows<Arrivals> windows{*this, kTen, true, 1, {}, {}, 100};  // of one byte nothing stays in memory
  std::map<std::int64_t, std::vector<std::int64_t>> expected;
  OperatorSnapshot snapshot;
  const auto receive_some = [&](auto& to, int batches) {
    for (int batch = 0; batch < batches; ++batch) {
      std::vector<std::pair<Event, std::int64_t>> records;
      for (std::uint64_t n = random.next() % 40; n > 0; --n) {
        const auto key = static_cast<std::int64_t>(random.next() % 30);
        const auto number = static_cast<std::int64_t>(random.next() % 1000);
        records.push_back({{key, number}, 5});
        expected[key].push_back(number);
      }
      to.receive(records);
    }
  };
  const auto is_expected = [&](const auto& rows) {
    EXPECT_EQ(rows.size(), expected.size());
    for (const auto& [place, numbers] : rows) EXPECT_EQ(numbers, expected[place.second]) << place.second;
  };
  receive_some(windows, 60);
  const OperatorSnapshot whole = windows.checkpoint();
  Windows<Arrivals> restored{*this, kTen, true, 1, restore_from(whole), {}, 100};
  receive_some(restored, 60);
  is_expected(restored.fire(9));
  // Late ones make their windows fire again, with all that came.
  const auto number = [&](std::int64_t n) {
    expected[7].push_back(n);
    return std::pair<Event, std::int64_t>{{7, n}, 6};
  };
  restored.receive({number(1), number(2)});
  EXPECT_EQ(restored.take(), (decltype(restored.take()){{{0, 7}, expected[7]}}));
  restored.receive({number(3)});
  EXPECT_EQ(restored.take(), (decltype(restored.take()){{{0, 7}, expected[7]}}));
}

TEST_F(SpilledWindows, ALateRecordReadsNoMoreThanItMust) {
  Windows<CountAggregate> windows{*this, kTen, true, 1, {}, {}, 100};
  windows.receive_keys(50'000, 5);
  windows.receive({{{1, 1}, 15}});
  const std::size_t runs = files();
  EXPECT_EQ(windows.fire(9).size(), 50'000u);
  int reads = 0;
  world_.files.set_hook([&](FileOperation operation, const std::string&) -> std::optional<Error> {
    reads += operation == FileOperation::kOpen;
    return std::nullopt;
  });
  windows.receive({{{1234, 1}, 5}});
  world_.files.set_hook(nullptr);
  EXPECT_THAT(windows.take(), ElementsAre(std::pair{std::pair<std::int64_t, std::int64_t>{0, 1234}, 2}));
  EXPECT_LE(reads, 4 * static_cast<int>(runs)) << "a block or two of each, and a header";
}

// The older file's entries are in files of their own when the newer one's come.
TEST_F(SpilledWindows, AnEntryOfANewerCheckpointTakesThePlaceOfTheOlderOnes) {
  constexpr std::int64_t kKeys = 3000;
  Windows<CountAggregate> first{*this, kTen, false, kMuch, {}, kSharedCheckpointFolder};
  first.receive_keys(kKeys, 5);
  first.checkpoint();
  for (int round = 0; round < 3; ++round) first.receive_keys(kKeys / 10, 5);
  first.receive_keys(kKeys, 15);
  OperatorSnapshot chain = first.checkpoint();
  EXPECT_EQ(chain.keyed_files.size(), 2u);
  const auto expected = first.fire(100);
  EXPECT_EQ(expected.size(), 2 * kKeys);
  // And a checkpoint of what was restored goes on with that chain, whole or not.
  for (const bool spills : {true, false, true}) {
    Windows<CountAggregate> restored{*this, kTen, spills, spills ? 1 : kMuch, restore_from(chain), kSharedCheckpointFolder};
    EXPECT_EQ(files() != 0, spills);
    chain = restored.checkpoint();
    restored.receive_keys(kKeys / 10, 5);
    restored.receive({{{1, 1}, 500}});
    EXPECT_EQ(restored.fire(100).size(), 2 * kKeys);
    Windows<CountAggregate> again{*this, kTen, spills, spills ? 1 : kMuch, restore_from(chain)};
    EXPECT_EQ(again.fire(100), expected);
  }
}

TEST_F(SpilledWindows, MoreThanMemoryHoldsIsRestored) {
  constexpr std::int64_t kKeys = 50'000;
  constexpr std::uint64_t kBudget = 14u << 20;
  Windows<CountAggregate, ByText> in_memory{*this, kTen, false, kMuch};
  for (std::int64_t slice = 0; slice < 3; ++slice) in_memory.receive_keys(kKeys, slice * 10);
  const OperatorSnapshot snapshot = in_memory.checkpoint();
  const auto expected = in_memory.fire(1000);
  Windows<CountAggregate, ByText> restored{*this, kTen, true, kBudget, restore_from(snapshot)};
  EXPECT_GT(files(), 1u);
  EXPECT_LE(restored.memory.held_bytes(), kBudget);
  EXPECT_EQ(restored.fire(1000), expected);
  EXPECT_LE(restored.most_held, kBudget);
}

TEST_F(SpilledWindows, ASavepointsBytesAreThoseOfTheOtherBackend) {
  const auto savepoint_of = [&](bool spills) {
    Windows<Arrivals, ByText> windows{*this, WindowSpec::sliding(30, 10), spills, spills ? 1 : kMuch};
    for (int round = 0; round < 5; ++round) {
      for (std::int64_t at = 0; at < 50; at += 7) windows.receive_keys(50 + 20 * round, at);
    }
    const OperatorSnapshot snapshot = windows.checkpoint(CheckpointKind::kSavepoint);
    return value_or_throw(read_file(world_.files, snapshot.keyed_files.front().path));
  };
  const std::string in_memory = savepoint_of(false);
  attempts_ = 0;  // so that it is the same one
  world_.last_checkpoint = 0;
  EXPECT_EQ(savepoint_of(true), in_memory);
}

TEST_F(SpilledWindows, WhatASnapshotSeesGoesToFilesBesideIt) {
  Windows<CountAggregate> windows{*this, kTen, true, kMuch};
  windows.receive_keys(5000, 5);
  StartedSnapshot started = start_snapshot(world_, windows.op, windows.context.context);
  StateMemory little{1};
  windows.env.state_memory = &little;
  windows.receive_keys(2000, 5);
  windows.receive_keys(10, 15);
  EXPECT_GT(files(), 1u);
  const OperatorSnapshot snapshot = finish_snapshot(std::move(started));
  windows.context.run_mail();
  const auto rows = windows.fire(9);
  EXPECT_EQ(rows.size(), 5000u);
  EXPECT_EQ((rows.at({0, 1999})), 2);
  Windows<CountAggregate> restored{*this, kTen, false, kMuch, restore_from(snapshot)};
  const auto before = restored.fire(100);
  EXPECT_EQ(before.size(), 5000u);
  EXPECT_TRUE(std::ranges::all_of(before, [](const auto& row) { return row.second == 1; }));
}

TEST_F(SpilledWindows, ADiskThatFailsIsNamedAndNotTakenForTheUsersCode) {
  const auto failure_of = [](const auto& call) -> std::string {
    try {
      call();
    } catch (const TaskFailure& failure) {
      EXPECT_EQ(failure.error().retry(), Retry::kRestart);
      EXPECT_NE(failure.error().code(), ErrorCode::kUserCode);
      EXPECT_TRUE(failure.names_operator());
      return failure.error().message();
    }
    return "nothing of the sort";
  };
  const std::string failed =
      "operator 'operator under test' (uid uid-1), subtask 0: keeping state that does not fit into memory failed: ";
  Windows<CountAggregate> windows{*this, kTen, true, 1, {}, {}, 100};
  windows.receive_keys(2000, 5);
  windows.receive_keys(2000, 15);
  windows.receive_keys(1, 15);
  windows.fire(9);
  world_.files.set_hook([](FileOperation operation, const std::string& path) -> std::optional<Error> {
    if (operation == FileOperation::kOpen) return Error{ErrorCode::kIo, path + ": input/output error"};
    return Error{ErrorCode::kResourceExhausted, path + ": no space left on device"};
  });
  EXPECT_THAT(failure_of([&] { windows.fire(19); }),
              AllOf(HasSubstr(failed + "/scratch/"), HasSubstr(": input/output error; see to the disk")));
  Windows<CountAggregate> another{*this, kTen, true, 1};
  EXPECT_EQ(failure_of([&] { another.receive_keys(3000, 5); }), failed + "/scratch: no space left on device; see to the disk");
  world_.files.set_hook(nullptr);

  Windows<CountAggregate> late{*this, kTen, true, 1, {}, {}, 100};
  late.receive_keys(2000, 5);
  late.receive({{{1, 1}, 15}});
  late.fire(9);
  world_.files.set_hook([](FileOperation operation, const std::string& path) -> std::optional<Error> {
    if (operation == FileOperation::kOpen) return Error{ErrorCode::kIo, path + ": input/output error"};
    return std::nullopt;
  });
  EXPECT_THAT(failure_of([&] { late.receive({{{1, 1}, 5}}); }), HasSubstr(failed + "/scratch/"));
  world_.files.set_hook(nullptr);
}

TEST_F(SpilledWindows, TheUsersCodeIsNamedWhereItFailsOnTheWay) {
  const auto failure_of = [](const auto& call) -> std::string {
    try {
      call();
    } catch (const TaskFailure& failure) {
      EXPECT_EQ(failure.error().code(), ErrorCode::kUserCode);
      return failure.error().message();
    }
    return "nothing of the sort";
  };
  Windows<Breaking> windows{*this, kTen, true, 1};
  windows.receive_keys(10, 5);
  windows.receive_keys(10, 5);
  EXPECT_THAT(failure_of([&] { windows.fire(9); }),
              AllOf(HasSubstr("(uid uid-1)"), HasSubstr("window ending"), HasSubstr("no merge today")));
  Windows<Breaking> many{*this, kTen, true, 1};
  EXPECT_THAT(failure_of([&] {
                for (int i = 0; i < 20; ++i) many.receive_keys(10, 5);
              }),
              AllOf(HasSubstr("(uid uid-1)"), HasSubstr("when what was aggregated was merged: no merge today")));
}

/// Slices of counts without an operator.
class SpilledSlices : public SpilledWindows {
 protected:
  using Slices = WindowSlices<std::int64_t, std::int64_t, CountAggregate>;
  using Content = std::map<std::int64_t, std::int64_t>;

  SpilledSlices() { slices_.spill_to(scratch_); }

  static std::string encoded(std::int64_t key) {
    ByteWriter bytes;
    KeyCodec<std::int64_t>::encode(key, bytes);
    return bytes.take();
  }
  void add(std::int64_t key, std::int64_t count, std::int64_t start = 0) {
    auto* const found = slices_.find(start);
    auto& table = found != nullptr ? *found : slices_.add(start);
    merge_into(aggregate_, table, hash_key(key), KeyCodec<std::int64_t>::to_word(key), count);
  }
  Content merged() {
    Content content;
    MergedSlices<std::int64_t, std::int64_t, CountAggregate> merged{aggregate_, name_};
    std::vector<Slices::Slice*> all;
    for (const std::int64_t start : slices_.starts()) all.push_back(&slices_.at(start));
    merged.begin(all, slices_.merged_in_parts(all));
    most_at_once_ = 0;
    while (!merged.done()) {
      const std::size_t before = content.size();
      merged.next_part([&](std::uint64_t word, std::int64_t count) {
        EXPECT_TRUE(content.emplace(KeyCodec<std::int64_t>::from_word(word), count).second);
      });
      most_at_once_ = std::max(most_at_once_, content.size() - before);
    }
    merged_bytes_ = merged.memory_bytes();
    return content;
  }
  std::int64_t count_of(std::int64_t key) {
    std::int64_t count = 0;
    std::vector<std::vector<std::string>> read;
    slices_.merge_key(0, hash_key(key), KeyCodec<std::int64_t>::to_word(key), encoded(key), count, read);
    return count;
  }
  Content snapshot() {
    struct Sink final : EntrySink {
      void entry(std::uint64_t hash, std::string_view key, std::string_view value) override {
        EXPECT_LE(last, hash);
        last = hash;
        std::int64_t count = 0;
        EXPECT_TRUE(StoredValue<std::int64_t>::decode(value, count));
        EXPECT_TRUE(content.emplace(KeyCodec<std::int64_t>::decode(key), count).second);
      }
      void entry_with_namespace(std::uint64_t, std::string_view, std::string_view, std::string_view) override { FAIL(); }
      std::uint64_t last = 0;
      Content content;
    };
    Sink sink;
    const std::uint32_t bound = backend_.domain().begin();
    {
      std::vector<StateView> views = slices_.views(bound);
      EXPECT_EQ(views.size(), 1u);
      for (std::size_t i = 0; i < views.front().view->segment_count(); ++i) views.front().view->read_segment(i, sink);
    }
    backend_.domain().end(bound);
    return sink.content;
  }

  KeyedBackend backend_{schema_json(type_of<std::int64_t>()), nullptr};
  CountAggregate aggregate_;
  OperatorName name_{"operator under test", "uid-1", 0};
  std::size_t merged_bytes_ = 0;  // that merging a window took last
  std::size_t most_at_once_ = 0;  // rows it gave at once
  Slices slices_{backend_, {.name = "window", .kind = StateDescriptor::Kind::kWindow}, aggregate_, name_, true};
};

TEST_F(SpilledSlices, AreWholeWhileATableLeavesPieceByPiece) {
  constexpr std::int64_t kKeys = 250'000;
  slices_.end_restore();
  Content expected;
  const auto add_some = [&](std::int64_t from, std::int64_t to) {
    for (std::int64_t key = from; key < to; ++key) add(key, key), expected[key] += key;
  };
  add_some(0, kKeys);
  const std::size_t share = backend_.domain().pages().mapped_bytes();
  ASSERT_GT(slices_.find(0)->memory_bytes(), share / 4 * 3) << "they come near it";
  int pieces = 0;
  do {
    slices_.keep_to(share);
    ++pieces;
    add_some(pieces * 1000, (pieces + 2) * 1000);
    EXPECT_EQ(count_of(pieces * 1000), expected[pieces * 1000]);
    if (pieces != 1) continue;
    ASSERT_NE(slices_.at(0).leaving, nullptr);
    EXPECT_EQ(merged(), expected);
    EXPECT_EQ(snapshot(), expected);
  } while (slices_.at(0).leaving != nullptr);
  EXPECT_FALSE(slices_.at(0).runs.empty());
  EXPECT_EQ(merged(), expected);
  EXPECT_LT(merged_bytes_, share / 3) << "never in memory as a whole";
}

// A subtask has the hashes of its key groups only, which may begin and end anywhere.
class SpilledSlicesOf : public SpilledSlices, public testing::WithParamInterface<HashSpan> {};
constexpr std::uint64_t kLastHash = std::numeric_limits<std::uint64_t>::max();
INSTANTIATE_TEST_SUITE_P(KeyGroups, SpilledSlicesOf,
                         testing::Values(HashSpan{0, kLastHash}, HashSpan{0, kLastHash / 3},
                                         HashSpan{kLastHash / 3, kLastHash / 3 * 2}, HashSpan{kLastHash / 3 * 2, kLastHash},
                                         HashSpan{kLastHash / 16 * 5, kLastHash / 16 * 6}));

TEST_P(SpilledSlicesOf, AreMergedAndWrittenInSmallParts) {
  constexpr std::size_t kKeys = 300'000;
  slices_.end_restore();
  Content expected;
  std::int64_t key = 0;
  for (std::size_t keys = 0; keys < kKeys; ++key) {
    if (hash_key(key) < GetParam().first || hash_key(key) > GetParam().last) continue;
    ++keys;
    expected[key] = 1;
    add(key, 1, 0);
    if (keys % 3 == 0) add(key, 2, 10), expected[key] += 2;  // slices of different sizes
    if (keys > kKeys - 50) add(key, 4, 20), expected[key] += 4;
  }
  const std::size_t tables = backend_.domain().pages().mapped_bytes();
  const auto expect_small_parts = [&] {
    EXPECT_EQ(merged(), expected);
    EXPECT_LE(merged_bytes_, std::size_t{3} << 20) << "not in memory as a whole";
    EXPECT_LE(most_at_once_, kKeys / 20) << "nor given so";
  };
  expect_small_parts();
  slices_.keep_to(tables);
  EXPECT_NE(slices_.at(0).leaving, nullptr) << "it goes in pieces";
  expect_small_parts();
  slices_.keep_to(tables / 4);
  EXPECT_NE(files(), 0u);
  add(key, 1, 0), expected[key] = 1;
  expect_small_parts();
}

TEST_F(SpilledSlices, OfOneOrNoKeyAreMerged) {
  slices_.end_restore();
  slices_.add(0), slices_.add(10);
  EXPECT_EQ(merged(), Content{});
  add(7, 1, 0);
  EXPECT_EQ(merged(), (Content{{7, 1}}));
  slices_.keep_to(0);
  EXPECT_EQ(merged(), (Content{{7, 1}}));
  add(7, 1, 10);
  EXPECT_EQ(merged(), (Content{{7, 2}}));
}

TEST_F(SpilledSlices, WhatASnapshotStillSeesTakesOfTheirShare) {
  constexpr std::int64_t kKeys = 100'000;
  slices_.end_restore();
  for (std::int64_t key = 0; key < kKeys; ++key) add(key, 1, 0);
  const std::size_t share = 2 * slices_.at(0).table->memory_bytes();
  slices_.keep_to(share);
  const std::uint32_t bound = backend_.domain().begin();
  slices_.recycle(0);
  for (std::int64_t key = 0; key < kKeys / 2; ++key) add(key, 1, 10);
  slices_.keep_to(share);
  EXPECT_NE(files(), 0u);
  backend_.domain().end(bound);
}

TEST_F(SpilledSlices, WhatARestoreErasesTakesLittleMemory) {
  constexpr std::int64_t kKeys = 20'000;
  constexpr std::size_t kShare = 1u << 20;
  ByteWriter value;
  StoredValue<std::int64_t>::encode(1, value);
  const std::string slice = encode_slice(0);
  for (std::int64_t key = 0; key < kKeys; ++key) slices_.restore_entry(slice, hash_key(key), encoded(key), value.view());
  slices_.keep_to(0);
  std::size_t most_bytes = 0;
  for (std::int64_t key = 1; key < kKeys; ++key) {
    slices_.erase_entry(slice, hash_key(key), encoded(key));
    slices_.keep_to(kShare);
    most_bytes = std::max(most_bytes, slices_.at(0).erased_bytes);
  }
  EXPECT_GT(most_bytes, kShare / 4);
  EXPECT_LE(most_bytes, kShare);
  slices_.end_restore();
  EXPECT_EQ(merged(), (Content{{0, 1}}));
}

// Large ones take their time to be merged; meanwhile there are new ones.
TEST_F(SpilledSlices, NeverHaveManyRuns) {
  slices_.end_restore();
  Content expected;
  const auto write_run = [&](std::int64_t keys) {
    for (std::int64_t key = 0; key < keys; ++key) add(key, 1), ++expected[key];
    slices_.keep_to(0);
  };
  for (int i = 0; i < 9; ++i) write_run(50'000);
  std::size_t most = 0;
  for (int i = 0; i < 100; ++i) {
    write_run(1);
    most = std::max(most, slices_.at(0).runs.size());
  }
  EXPECT_LE(most, 17u);
  EXPECT_EQ(merged(), expected);
}

TEST_F(SpilledSlices, WhatARestoreErasesStaysErased) {
  const std::string slice = encode_slice(0);
  const auto put = [&](std::int64_t key, std::int64_t count) {
    ByteWriter value;
    StoredValue<std::int64_t>::encode(count, value);
    EXPECT_TRUE(slices_.restore_entry(slice, hash_key(key), encoded(key), value.view()));
  };
  const auto erase = [&](std::int64_t key) { EXPECT_TRUE(slices_.erase_entry(slice, hash_key(key), encoded(key))); };
  for (std::int64_t key = 1; key <= 6; ++key) put(key, key * 10);
  slices_.keep_to(0);
  erase(1), erase(2), erase(3);
  put(2, 21);
  put(4, 41);
  slices_.keep_to(0);
  erase(4), erase(5), put(5, 51);
  put(7, 71), erase(7);
  slices_.end_restore();
  add(1, 1);
  add(2, 1);
  const Content expected{{1, 1}, {2, 22}, {5, 51}, {6, 60}};
  EXPECT_EQ(merged(), expected);
  EXPECT_EQ(snapshot(), expected);
  for (std::int64_t key = 1; key <= 7; ++key) EXPECT_EQ(count_of(key), expected.contains(key) ? expected.at(key) : 0) << key;
}

}  // namespace
}  // namespace tidemark::detail
