// Tables that are given at the end of input: each row once, in parts and without a timer for its key, wherever state lies and
// whatever snapshot it comes from.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "env/split_mix_random.h"
#include "operators/operator_harness.h"
#include "state/memory_state_store.h"
#include "tidemark/detail/event_time/basic_aggregates.h"
#include "tidemark/detail/operators/keyed_process.h"
#include "tidemark/detail/operators/row_changes.h"

namespace tidemark::detail {
namespace {

template <class K>
struct Event {
  K key{};
  std::int64_t value = 0;
};
template <class K>
struct KeyOf {
  K operator()(const Event<K>& event) const { return event.key; }
};
template <class K>
using Sum = decltype(sum(&Event<K>::value));
template <class K>
using Table = RowChanges<K, Event<K>, AggregatedRow<K, Event<K>, Sum<K>>>;
template <class K>
using Given = Change<Keyed<K, std::int64_t>>;

using TwoNumbers = std::pair<std::int64_t, std::int64_t>;

template <class K>
K key_of(std::int64_t number) {
  if constexpr (std::is_same_v<K, std::string>) {
    return "a key that is a text, of number " + std::to_string(number);
  } else if constexpr (std::is_same_v<K, TwoNumbers>) {
    return {number % 10, number / 10};
  } else {
    return number;
  }
}

/// Keeps what a table at the end of input keeps, and as earlier versions did, a timer for each key.
template <class K>
struct TableWithTimers : KeyedProcess<K, Event<K>, Given<K>> {
  using Base = KeyedProcess<K, Event<K>, Given<K>>;
  using Row = AggregatedRow<K, Event<K>, Sum<K>>;
  ValueState<K, WaitingContent<typename Row::Content>> waiting_;
  ValueState<K, std::vector<typename Row::Row>> given_;
  Row row_{sum(&Event<K>::value)};
  explicit TableWithTimers(Declare& declare) : waiting_{declare, "rows-until-end"}, given_{declare, "given-at-end"} {}
  void process(const Event<K>& event, typename Base::Context& ctx, Out<Given<K>>&) override {
    waiting_.mutate([&](auto& waiting) {
      row_.add(waiting.content, event, ctx.timestamp());
      waiting.waits = true;
    });
    ctx.timers().at(Timestamp::max() - Duration{1});
  }
};

/// A subtask of such a table.
template <class K, class F = Table<K>>
class Subject {
 public:
  using Op = KeyedProcessOperator<F, KeyOf<K>>;

  explicit Subject(TestWorld& world, OperatorRestore restore = {}, bool is_lazy = false, std::uint32_t subtask = 0,
                   std::uint32_t parallelism = 1)
      : world_{world}, context_{world, subtask, parallelism}, op_{std::make_unique<Op>(&make, KeyOf<K>{})} {
    context_.context.restore = std::move(restore);
    if (is_lazy) context_.context.restore.lazy = {.on = true, .from_bytes = 1, .unit_bytes = 1};
    op_->out().add_receiver(end_);
    op_->open(context_.context);
  }
  ~Subject() {
    op_.reset();
    context_.run_mail();
  }

  /// So many keys from the first one, each with its number.
  void receive(std::int64_t keys, std::int64_t first = 0) {
    for (std::int64_t i = first; i < first + keys;) {
      TypedBatch<Event<K>> batch;
      for (; i < first + keys && batch.size() < 100; ++i) batch.append({key_of<K>(i), i}, 5);
      hash_keys(batch, KeyOf<K>{});
      op_->receive(batch);
    }
  }
  /// A call of advance().
  bool end() { return op_->advance(Timestamp::max()); }
  int end_all() {
    int calls = 1;
    while (!end()) ++calls;
    return calls;
  }
  OperatorSnapshot snapshot() {
    OperatorSnapshot snapshot = finish_snapshot(start_snapshot(world_, *op_, context_.context));
    context_.run_mail();
    return snapshot;
  }
  Op& op() { return *op_; }
  std::size_t given() const { return end_.records.size(); }
  /// What was given, behind what other subjects gave.
  void take(std::map<K, std::vector<std::int64_t>>& to) {
    for (const auto& each : end_.records) {
      EXPECT_EQ(each.value.kind, ChangeKind::kInsert);
      EXPECT_EQ(each.timestamp, INT64_MAX - 1);
      to[each.value.row.key].push_back(each.value.row.value);
    }
    end_.records.clear();
  }

 private:
  static std::unique_ptr<F> make(Declare& declare) {
    if constexpr (std::is_same_v<F, Table<K>>) {
      return std::make_unique<F>(declare, AggregatedRow<K, Event<K>, Sum<K>>{sum(&Event<K>::value)}, at_end());
    } else {
      return std::make_unique<F>(declare);
    }
  }

  TestWorld& world_;
  TestContext context_;
  Keeping<Given<K>> end_;
  std::unique_ptr<Op> op_;
};

template <class K>
std::map<K, std::vector<std::int64_t>> each_once(std::int64_t keys) {
  std::map<K, std::vector<std::int64_t>> rows;
  for (std::int64_t i = 0; i < keys; ++i) rows[key_of<K>(i)] = {i};
  return rows;
}

template <class K>
class RowsAtTheEnd : public testing::Test {
 protected:
  using Rows = std::map<K, std::vector<std::int64_t>>;

  RowsAtTheEnd() { world_.env.random = &random_; }
  // Then a key is in the store or in the tables, as chance will.
  void spill(bool spills) { world_.env.state_stores = spills ? &stores_ : nullptr; }

  TestWorld world_;
  SplitMixRandom random_{7};
  MemoryStateStores stores_;
};
using KeyTypes = testing::Types<std::int64_t, TwoNumbers, std::string>;
TYPED_TEST_SUITE(RowsAtTheEnd, KeyTypes);

TYPED_TEST(RowsAtTheEnd, AreGivenOnceInPartsWithoutATimer) {
  constexpr std::int64_t kKeys = 20'000;
  for (const bool spills : {false, true}) {
    this->spill(spills);
    Subject<TypeParam> table{this->world_};
    table.receive(kKeys);
    EXPECT_EQ(table.op().timers(), 0u);
    EXPECT_TRUE(table.op().advance(Timestamp{INT64_MAX - 2}));
    EXPECT_EQ(table.given(), 0u);
    EXPECT_FALSE(table.end());
    EXPECT_GE(table.given(), kTimersAtOnce);
    EXPECT_LT(table.given(), 2 * kTimersAtOnce);
    table.end_all();
    typename TestFixture::Rows rows;
    table.take(rows);
    EXPECT_EQ(rows, each_once<TypeParam>(kKeys));
    table.end_all();
    EXPECT_EQ(table.given(), 0u);
  }
}

TYPED_TEST(RowsAtTheEnd, AreGivenThoughTheirStateIsStillToBeLoaded) {
  constexpr std::int64_t kKeys = 3000;
  Subject<TypeParam> before{this->world_};
  before.receive(kKeys);
  Subject<TypeParam> table{this->world_, restore_of({before.snapshot()}, {0, 128}), true};
  table.receive(10, kKeys);
  EXPECT_GT(table.end_all(), 100);  // each ends behind a part that it has loaded
  typename TestFixture::Rows rows;
  table.take(rows);
  EXPECT_EQ(rows, each_once<TypeParam>(kKeys + 10));
}

TYPED_TEST(RowsAtTheEnd, GoOnFromASnapshotBetweenThemInEitherBackend) {
  constexpr std::int64_t kKeys = 20'000;
  for (const bool spills_before : {false, true}) {
    for (const bool spills_after : {false, true}) {
      this->spill(spills_before);
      Subject<TypeParam> before{this->world_};
      before.receive(kKeys);
      for (int calls = 0; calls < 3; ++calls) EXPECT_FALSE(before.end());
      typename TestFixture::Rows rows;
      before.take(rows);
      const OperatorSnapshot snapshot = before.snapshot();

      this->spill(spills_after);
      for (std::uint32_t subtask = 0; subtask < 2; ++subtask) {
        Subject<TypeParam> after{this->world_, restore_of({snapshot}, {subtask * 64, subtask * 64 + 64}), false, subtask, 2};
        after.end_all();
        after.take(rows);
      }
      EXPECT_EQ(rows, each_once<TypeParam>(kKeys)) << "from " << spills_before << " to " << spills_after;
    }
  }
}

TYPED_TEST(RowsAtTheEnd, AreGivenOnceWhereASnapshotHasTimersForThem) {
  constexpr std::int64_t kKeys = 10'000;
  for (const bool spills : {false, true}) {
    this->spill(spills);
    Subject<TypeParam, TableWithTimers<TypeParam>> before{this->world_};
    before.receive(kKeys);
    EXPECT_EQ(before.op().timers(), static_cast<std::size_t>(kKeys));
    Subject<TypeParam> table{this->world_, restore_of({before.snapshot()}, {0, 128})};
    table.receive(100, kKeys);
    EXPECT_EQ(table.op().timers(), static_cast<std::size_t>(kKeys));
    table.end_all();
    typename TestFixture::Rows rows;
    table.take(rows);
    EXPECT_EQ(rows, each_once<TypeParam>(kKeys + 100));
  }
}

struct Bid {
  std::int64_t price = 0;
  std::string_view note;
};

// As it stood in snapshots before the flags moved.
struct OneRowOfOld {
  bool is_there = false;
  Timed<Bid> row{};
};
struct WaitingOfOld {
  bool waits = false;
  OneRowOfOld content;
};

TEST(WaitingContent, TakesNoMoreThanARowAndAWordAndLiesInSnapshotsAsItAlwaysDid) {
  using Waiting = WaitingContent<OneRow<Bid>>;
  static_assert(sizeof(Waiting) == sizeof(Timed<Bid>) + sizeof(std::int64_t));
  EXPECT_EQ(schema_json(type_of<Waiting>()), schema_json(type_of<WaitingOfOld>()));

  const Timed<Bid> row{Timestamp{-3}, {70'000, "early"}};
  for (const bool waits : {false, true}) {
    for (const bool is_there : {false, true}) {
      Waiting now;
      now.waits = waits;
      now.content = {row, is_there};
      EXPECT_EQ(now.waits, waits);  // which lies in what a row leaves of its last word
      ByteWriter bytes, old;
      encode(now, bytes);
      encode(WaitingOfOld{waits, {is_there, row}}, old);
      EXPECT_EQ(bytes.view(), old.view());
    }
  }
}

TEST(TopRows, KeepNoMoreRowsThanAreShownAndNoMoreRoom) {
  const TopRows<Bid, std::int64_t Bid::*> top{&Bid::price, 10};
  for (const std::int64_t step : {-1, 1, 7}) {
    TopRows<Bid, std::int64_t Bid::*>::Content content;
    for (std::int64_t i = 0; i < 100; ++i) {
      top.add(content, {(i * step + 1000) % 101, {}}, Timestamp{i});
      EXPECT_LE(content.rows.capacity(), 10u);
    }
    ASSERT_EQ(content.rows.size(), 10u);
    EXPECT_TRUE(std::ranges::is_sorted(content.rows, std::greater{}, [](const auto& row) { return row.value.price; }));
  }
}

// It is neither before nor behind anything; still it keeps nobody out who goes before what stands before it.
TEST(TopRows, ANumberThatIsNoneDoesNotEndTheList) {
  struct Measured {
    double value = 0;
  };
  const TopRows<Measured, double Measured::*> top{&Measured::value, 3};
  TopRows<Measured, double Measured::*>::Content content;
  for (const double value : {5.0, 4.0, std::nan(""), 7.0, 8.0, 9.0}) top.add(content, {value}, Timestamp{});
  ASSERT_EQ(content.rows.size(), 3u);
  EXPECT_EQ(content.rows[0].value.value, 9);
  EXPECT_EQ(content.rows[1].value.value, 8);
  EXPECT_EQ(content.rows[2].value.value, 7);
}

TEST(TopRows, OfEqualOnesTheEarlierStays) {
  const TopRows<Bid, std::int64_t Bid::*> top{&Bid::price, 2};
  TopRows<Bid, std::int64_t Bid::*>::Content content;
  for (std::int64_t i = 0; i < 5; ++i) top.add(content, {7, {}}, Timestamp{i});
  ASSERT_EQ(content.rows.size(), 2u);
  EXPECT_EQ(content.rows[0].at.ms(), 0);
  EXPECT_EQ(content.rows[1].at.ms(), 1);
  // As a snapshot of a job that showed more of them has it.
  content.rows = {{Timestamp{5}, {9, {}}}, {Timestamp{6}, {8, {}}}, {Timestamp{7}, {7, {}}}, {Timestamp{8}, {6, {}}}};
  top.add(content, {7, {}}, Timestamp{9});  // after all that are shown
  top.add(content, {10, {}}, Timestamp{10});
  ASSERT_EQ(content.rows.size(), 2u);
  EXPECT_EQ(content.rows[0].at.ms(), 10);
  EXPECT_EQ(content.rows[1].at.ms(), 5);
}

}  // namespace
}  // namespace tidemark::detail
