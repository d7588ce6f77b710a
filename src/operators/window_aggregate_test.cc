#include "tidemark/detail/operators/window_aggregate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "env/scratch_folder.h"
#include "env/split_mix_random.h"
#include "operators/operator_harness.h"
#include "state/memory_state_store.h"
#include "tidemark/detail/operators/local_aggregate.h"

namespace tidemark::detail {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

constexpr std::uint32_t kMaxParallelism = 32;

template <class K>
struct Record {
  K key{};
  std::int64_t value = 0;
};
template <class K>
struct KeyOf {
  K operator()(const Record<K>& record) const { return record.key; }
};
template <class K>
struct WholeStream {
  bool operator()(const Record<K>&) const { return false; }
};
template <class K>
struct ValueOf {
  std::int64_t operator()(const Record<K>& record) const { return record.value / 4; }  // ties
};

/// An aggregate as a user writes one: too large for a word.
template <class K>
struct Summary {
  struct Accumulator {
    std::int64_t sum = 0, count = 0, largest = INT64_MIN;
  };
  void add(Accumulator& a, const Record<K>& record) const { merge(a, {record.value, 1, record.value}); }
  void merge(Accumulator& a, const Accumulator& b) const {
    a.sum += b.sum;
    a.count += b.count;
    a.largest = std::max(a.largest, b.largest);
  }
  std::string result(const Accumulator& a) const {
    return std::to_string(a.sum) + "/" + std::to_string(a.count) + "/" + std::to_string(a.largest);
  }
};

std::string show(std::int64_t value) { return std::to_string(value); }
std::string show(std::string_view value) { return std::string{value}; }
template <class K>
std::string show(const Record<K>& record) {
  return show(record.key) + ":" + show(record.value);
}
template <class K, class V>
std::string show_row(const Windowed<K, V>& row) {
  return show(row.key) + " [" + show(row.start.ms()) + "," + show(row.end.ms()) + ") " + show(row.value);
}
template <class V>
std::string show_row(const WindowedAll<V>& row) {
  return "all [" + show(row.start.ms()) + "," + show(row.end.ms()) + ") " + show(row.value);
}

template <class K, class Agg, bool kWhole = false>
class Subject {
 public:
  using Row = std::conditional_t<kWhole, WholeRow, KeyedRow>;
  using KeyFn = std::conditional_t<kWhole, WholeStream<K>, KeyOf<K>>;
  using Op = WindowAggregateOperator<Record<K>, KeyFn, Agg, Row>;

  Subject(TestWorld& world, WindowSpec spec, std::int64_t lateness, bool takes_late, OperatorRestore restore = {}, std::uint32_t subtask = 0,
          std::uint32_t parallelism = 1, Agg aggregate = {}, std::string shared_folder = {})
      : world_{world},
        context_{std::make_unique<TestContext>(world, subtask, parallelism, kMaxParallelism)},
        op_{std::make_unique<Op>(KeyFn{}, aggregate, spec, Duration{lateness})} {
    context_->context.restore = std::move(restore);
    context_->context.shared_folder = std::move(shared_folder);
    context_->context.attempt = static_cast<AttemptId>(++world_.last_checkpoint);
    op_->out().add_receiver(end_);
    if (takes_late) op_->late_out().add_receiver(late_);
    op_->open(context_->context);
  }
  ~Subject() {
    op_.reset();
    context_->run_mail();
  }

  /// The records' text lies in the batch, which is overwritten after the call.
  void receive(const std::vector<std::pair<Record<K>, std::int64_t>>& records) {
    TypedBatch<Record<K>> batch;
    for (const auto& [record, time] : records) batch.append(record, time);
    hash_keys(batch, KeyFn{});
    op_->receive(batch);
    batch.clear();
    if constexpr (contains_views_v<K>) std::fill_n(batch.arena().allocate(1 << 15), 1 << 15, '#');
  }
  void advance(std::int64_t watermark) {
    while (!op_->advance(Timestamp{watermark})) {}
  }
  std::vector<std::string> take() { return std::exchange(results_, {}); }
  std::vector<std::string> take_sorted() {
    std::sort(results_.begin(), results_.end());
    return take();
  }
  std::vector<std::string> take_late() { return std::exchange(late_records_, {}); }
  std::uint64_t late_dropped() const { return op_->late_dropped(); }
  StartedSnapshot start() { return start_snapshot(world_, *op_, context_->context); }
  OperatorSnapshot finish(StartedSnapshot started) {
    OperatorSnapshot result = finish_snapshot(std::move(started));
    context_->run_mail();
    return result;
  }
  void checkpoint_completed(CheckpointId id) { op_->checkpoint_completed(id); }

 private:
  TestWorld& world_;
  std::unique_ptr<TestContext> context_;
  std::vector<std::string> results_;
  std::vector<std::string> late_records_;
  Receiving<typename Op::Output> end_{[this](const auto& row, std::int64_t time) { results_.push_back(show_row(row) + "@" + show(time)); }};
  Receiving<Record<K>> late_{[this](const Record<K>& record, std::int64_t time) { late_records_.push_back(show(record) + "@" + show(time)); }};
  std::unique_ptr<Op> op_;
};

using Counts = Subject<std::int64_t, CountAggregate>;
constexpr WindowSpec kTen = WindowSpec::tumbling(10);

TEST(WindowAggregate, TumblingWindowsFireWhenTheWatermarkReachesTheirLastMoment) {
  TestWorld world;
  Counts subject{world, kTen, 0, false};
  subject.receive({{{1}, 0}, {{1}, 9}, {{2}, 5}, {{1}, 10}, {{1}, -1}});
  subject.advance(8);
  EXPECT_THAT(subject.take(), ElementsAre("1 [-10,0) 1@-1"));
  subject.advance(9);
  EXPECT_THAT(subject.take(), UnorderedElementsAre("1 [0,10) 2@9", "2 [0,10) 1@9"));
  subject.advance(INT64_MAX);
  EXPECT_THAT(subject.take(), ElementsAre("1 [10,20) 1@19"));
}

TEST(WindowAggregate, CountsLateRecordsThatNobodyTakes) {
  TestWorld world;
  Counts subject{world, kTen, 0, false};
  subject.advance(9);
  subject.receive({{{1}, 9}, {{1}, 10}, {{1}, 0}});
  EXPECT_EQ(subject.late_dropped(), 2u);
}

TEST(WindowAggregate, ALateRecordWithinTheAllowedLatenessFiresItsWindowAgainOnceABatch) {
  TestWorld world;
  Counts subject{world, kTen, 5, true};
  subject.receive({{{1}, 1}});
  subject.advance(9);
  subject.take();
  subject.receive({{{1}, 2}, {{2}, 3}, {{1}, 4}});
  EXPECT_THAT(subject.take(), UnorderedElementsAre("1 [0,10) 3@9", "2 [0,10) 1@9"));
  subject.advance(14);
  subject.receive({{{1}, 5}});
  EXPECT_THAT(subject.take(), ElementsAre());
  EXPECT_THAT(subject.take_late(), ElementsAre("1:0@5"));
}

/// Subtasks that read, each with a local stage, ahead of one that merges.
class TwoStages {
  using Local = LocalAggregateOperator<Record<std::int64_t>, KeyOf<std::int64_t>, CountAggregate>;
  using Part = Local::Output;
  using Merging = WindowAggregateOperator<Part, std::int64_t Part::*, MergePartials<CountAggregate>, KeyedRow>;

 public:
  explicit TwoStages(TestWorld& world, bool takes_late = false) : context_{world, 0, 1, kMaxParallelism}, merging_{&Part::key, {}, kTen, Duration{0}} {
    merging_.out().add_receiver(rows_);
    merging_.open(context_.context);
    for (Local& local : locals_) {
      local.out().add_receiver(partials_);
      if (takes_late) local.late_out().add_receiver(late_);
      local.open(context_.context);
    }
  }

  void receive(std::size_t reader, const std::vector<std::pair<Record<std::int64_t>, std::int64_t>>& records) {
    TypedBatch<Record<std::int64_t>> batch;
    for (const auto& [record, time] : records) batch.append(record, time);
    locals_[reader].receive(batch);
  }
  void advance(std::size_t reader, std::int64_t watermark) {
    locals_[reader].advance(Timestamp{watermark});
    watermarks_[reader] = watermark;
    while (!merging_.advance(Timestamp{std::min(watermarks_[0], watermarks_[1])})) {}
  }
  std::vector<std::string> take() { return std::exchange(results_, {}); }
  std::size_t late() const { return late_.records.size(); }
  std::uint64_t late_dropped() const { return locals_[0].late_dropped() + locals_[1].late_dropped() + merging_.late_dropped(); }
  std::size_t partials() const { return partials_count_; }

 private:
  void exchange(const Part& part, std::int64_t time) {
    ++partials_count_;
    TypedBatch<Part> batch;
    batch.append(part, time);
    hash_keys(batch, [](const Part& p) { return p.key; });
    merging_.receive(batch);
  }

  TestContext context_;
  std::vector<std::string> results_;
  std::size_t partials_count_ = 0;
  std::int64_t watermarks_[2] = {INT64_MIN, INT64_MIN};
  Receiving<Merging::Output> rows_{[this](const auto& row, std::int64_t time) { results_.push_back(show_row(row) + "@" + show(time)); }};
  Receiving<Part> partials_{[this](const Part& part, std::int64_t time) { exchange(part, time); }};
  Keeping<Record<std::int64_t>> late_;
  Merging merging_;
  Local locals_[2] = {{KeyOf<std::int64_t>{}, {}, kTen, Duration{0}}, {KeyOf<std::int64_t>{}, {}, kTen, Duration{0}}};
};

TEST(WindowAggregate, InTwoStagesARecordIsLateByTheSlowestReaderAsInOneStage) {
  TestWorld world;
  TwoStages stages{world};
  stages.advance(0, 25);
  stages.advance(1, 3);
  stages.receive(0, {{{1}, 5}, {{1}, 6}, {{2}, 15}});  // behind its own reader, but not behind the other one
  stages.receive(1, {{{1}, 4}});
  stages.advance(1, 19);
  EXPECT_THAT(stages.take(), UnorderedElementsAre("1 [0,10) 3@9", "2 [10,20) 1@19"));
  EXPECT_EQ(stages.late_dropped(), 0u);
  stages.receive(0, {{{1}, 5}, {{1}, 6}, {{1}, 15}});
  EXPECT_EQ(stages.late_dropped(), 3u) << "each record counts";
  stages.receive(1, {{{1}, 5}, {{1}, 20}});
  EXPECT_EQ(stages.late_dropped(), 4u);
  stages.advance(1, 40);
  stages.advance(0, 40);
  EXPECT_THAT(stages.take(), ElementsAre("1 [20,30) 1@29"));
}

TEST(WindowAggregate, InTwoStagesLateRecordsThatSomebodyReadsAreThoseBehindTheirReader) {
  TestWorld world;
  TwoStages stages{world, true};
  stages.advance(0, 25);
  stages.advance(1, 3);
  stages.receive(0, {{{1}, 5}, {{1}, 26}});
  stages.receive(1, {{{1}, 6}});
  EXPECT_EQ(stages.late(), 1u);
  stages.advance(1, 40);
  stages.advance(0, 40);
  EXPECT_THAT(stages.take(), ElementsAre("1 [0,10) 1@9", "1 [20,30) 1@29"));
  EXPECT_EQ(stages.late_dropped(), 0u);
}

TEST(WindowAggregate, InTwoStagesFewSlicesAreHeldAtOnce) {
  TestWorld world;
  TwoStages stages{world};
  std::vector<std::pair<Record<std::int64_t>, std::int64_t>> records;
  for (std::int64_t slice = 0; slice < 150; ++slice) records.push_back({{1}, slice * 10});
  stages.receive(0, records);
  EXPECT_EQ(stages.partials(), 128u);
  stages.advance(0, INT64_MAX);
  stages.advance(1, INT64_MAX);
  EXPECT_EQ(stages.take().size(), 150u);
}

TEST(WindowAggregate, RefusesATimeTooFarFrom1970NamingTheRecord) {
  TestWorld world;
  Counts subject{world, kTen, 0, false};
  const std::string text = failure_of([&] { subject.receive({{{1, 5}, 0}, {{1, 6}, INT64_MAX - 5}}); });
  EXPECT_THAT(text, HasSubstr("record 2 "));
  EXPECT_THAT(text, HasSubstr("\"value\":6"));
  EXPECT_THAT(text, HasSubstr("is its unit milliseconds?"));
}

struct Exploding {
  std::string explodes_in;
  struct Accumulator {
    std::int64_t n = 0, unused = 0;
  };
  void boom(const std::string& where) const {
    if (where == explodes_in) throw std::runtime_error{"boom in " + where};
  }
  void add(Accumulator& a, const Record<std::int64_t>&) const { boom("add"), ++a.n; }
  void merge(Accumulator& a, const Accumulator& b) const { boom("merge"), a.n += b.n; }
  std::int64_t result(const Accumulator& a) const { return boom("result"), a.n; }
};

TEST(WindowAggregateFailure, InTheUsersAggregateNamesOperatorAndRecordOrWindow) {
  for (const std::string where : {"add", "merge", "result"}) {
    TestWorld world;
    Subject<std::int64_t, Exploding> subject{world, WindowSpec::sliding(10, 5), 0, false, {}, 0, 1, Exploding{where}};
    const std::string text = failure_of([&] {
      subject.receive({{{1}, 0}, {{1}, 5}});
      subject.advance(100);
    });
    EXPECT_THAT(text, HasSubstr("operator 'operator under test' (uid uid-1), subtask 0"));
    EXPECT_THAT(text, HasSubstr("boom in " + where));
    EXPECT_THAT(text, HasSubstr(where == "add" ? "record 1 " : "window ending 1970-01-01 00:00:00.0"));
  }
}

TEST(WindowAggregateFailure, WhenAWindowFiresAgainNamesTheOperator) {
  TestWorld world;
  Subject<std::int64_t, Exploding> subject{world, kTen, 5, false, {}, 0, 1, Exploding{"result"}};
  subject.advance(9);
  EXPECT_THAT(failure_of([&] { subject.receive({{{1}, 1}}); }), HasSubstr("operator 'operator under test'"));
}

TEST(WindowAggregate, ManyKeysInSlidingWindowsAreMergedPartByPart) {
  TestWorld world;
  Subject<std::int64_t, Summary<std::int64_t>> subject{world, WindowSpec::sliding(30, 10), 0, false};
  constexpr std::int64_t kKeys = 30'000;
  for (std::int64_t slice = 0; slice < 3; ++slice) {
    std::vector<std::pair<Record<std::int64_t>, std::int64_t>> records;
    for (std::int64_t key = 0; key < kKeys; ++key) {
      if (key % (slice + 1) == 0) records.push_back({{key, slice + 1}, 10 * slice + key % 10});
      if (records.size() == 1000) {
        subject.receive(records);
        records.clear();
      }
    }
    subject.receive(records);
  }
  subject.advance(29);
  std::set<std::string> fired;
  for (std::string& text : subject.take()) {
    if (text.find("[0,30)") == std::string::npos) continue;
    EXPECT_TRUE(fired.insert(std::move(text)).second);
  }
  ASSERT_EQ(fired.size(), static_cast<std::size_t>(kKeys));
  for (std::int64_t key = 0; key < kKeys; ++key) {
    std::int64_t sum = 1, count = 1, largest = 1;
    if (key % 2 == 0) sum += 2, ++count, largest = 2;
    if (key % 3 == 0) sum += 3, ++count, largest = 3;
    ASSERT_TRUE(fired.contains(show(key) + " [0,30) " + show(sum) + "/" + show(count) + "/" + show(largest) + "@29")) << key;
  }
}

TEST(WindowAggregate, OverAWholeStreamGivesTheBestRecordAndTiesToTheSmallest) {
  TestWorld world;
  using Best = BestByAggregate<ValueOf<std::string_view>, true>;
  using Worst = BestByAggregate<ValueOf<std::string_view>, false>;
  const std::vector<std::pair<Record<std::string_view>, std::int64_t>> records{
      {{"mm", 40}, 1}, {{"bb", 42}, 7}, {{"bb", 41}, 2}, {{"cc", 43}, 13}, {{"aa", 1}, 3}, {{"ab", 0}, 4}, {{"aa", 2}, 8}};
  Subject<std::string_view, Best, true> best{world, WindowSpec::sliding(20, 5), 0, false};
  best.receive(records);
  best.advance(19);
  EXPECT_THAT(best.take(), testing::Contains("all [0,20) bb:41@19"));
  Subject<std::string_view, Worst, true> worst{world, WindowSpec::sliding(20, 5), 0, false};
  worst.receive(records);
  worst.advance(19);
  EXPECT_THAT(worst.take(), testing::Contains("all [0,20) aa:1@19"));
}

TEST(WindowAggregate, SumsAMember) {
  TestWorld world;
  using Sum = decltype(sum(&Record<std::int64_t>::value));
  Subject<std::int64_t, Sum> subject{world, kTen, 0, false, {}, 0, 1, sum(&Record<std::int64_t>::value)};
  subject.receive({{{1, 5}, 0}, {{1, -7}, 3}, {{2, 9}, 3}});
  subject.advance(9);
  EXPECT_THAT(subject.take(), UnorderedElementsAre("1 [0,10) -2@9", "2 [0,10) 9@9"));
}

// What a restored key group had seen before: a record within the allowed lateness makes a window that fired before the
// restore fire again, though the watermark of the subtask itself has not come there yet.
TEST(WindowAggregate, AWindowThatFiredBeforeARestoreFiresAgainForALateRecord) {
  TestWorld world;
  OperatorSnapshot snapshot;
  {
    Counts subject{world, kTen, 100, true};
    subject.receive({{{1}, 1}});
    subject.advance(9);
    snapshot = subject.finish(subject.start());
  }
  // Another key group, of a subtask that was behind: now they share a subtask.
  OperatorRestore restore = restore_of({snapshot}, {0, kMaxParallelism});
  const std::uint32_t group = key_group_of(hash_key<std::int64_t>(1), kMaxParallelism);
  restore.watermarks = {{{group, group + 1}, Timestamp{9}}};
  Counts subject{world, kTen, 100, true, restore};
  subject.receive({{{1}, 2}});
  EXPECT_THAT(subject.take(), ElementsAre("1 [0,10) 2@9"));
  subject.advance(9);
  EXPECT_THAT(subject.take(), ElementsAre()) << "it does not fire twice";
}



// Every record that counts, of one key; windows are computed anew each time.
struct ModelKey {
  std::multimap<std::int64_t, std::int64_t> records;  // value by time
};

struct Model {
  WindowSpec spec;
  std::int64_t lateness = 0;
  std::map<std::string, ModelKey> keys;
  std::map<std::string, std::int64_t> floor;  // of a key, from before the restore

  std::vector<std::int64_t> windows_of(std::int64_t t) const {
    std::vector<std::int64_t> starts;
    const std::int64_t offset = ((spec.offset_ms % spec.slide_ms) + spec.slide_ms) % spec.slide_ms;
    for (std::int64_t s = floor_to_grid(t, spec.slide_ms, offset); s > t - spec.size_ms; s -= spec.slide_ms) starts.push_back(s);
    return starts;
  }
};

template <class K>
K key_from(const std::string& text) {
  if constexpr (std::same_as<K, std::string_view>) {
    return text;
  } else {
    return std::stoll(text);
  }
}

template <class K, class Agg, bool kWhole>
class Property {
 public:
  using Tested = Subject<K, Agg, kWhole>;

  /// `spills`: now and then, by chance, what the operator holds goes to files.
  Property(std::uint64_t seed, bool spills) : random_{seed}, spills_{spills} {
    world_.env.random = &chance_;
    world_.env.scratch = &scratch_;
    value_or_throw(world_.files.make_directories(kSharedCheckpointFolder));
    model_.spec = random_spec();
    model_.lateness = below(2) == 0 ? 0 : below(40);
    takes_late_ = below(3) != 0;
    now_ = below(3) == 0 ? -1'000'000 : below(1000) - 500;
    const std::int64_t keys = kWhole ? 6 : 1 + below(60);
    for (std::int64_t i = 0; i < keys; ++i) {
      std::string key = std::to_string(i);
      if constexpr (std::same_as<K, std::string_view>) key = (i % 2 == 0 ? "k" : "a rather long key, number ") + key;
      names_.push_back(std::move(key));
    }
    build(1 + static_cast<std::uint32_t>(below(kWhole ? 1 : 3)), {});
  }

  void run(int steps) {
    for (int step = 0; step < steps && !testing::Test::HasFailure(); ++step) {
      const std::int64_t action = below(20);
      if (action < 11) {
        records();
      } else if (action < 17) {
        advance();
      } else if (action < 19) {
        snapshot();
      } else {
        restart();
      }
    }
  }

 private:
  std::int64_t below(std::int64_t n) { return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(n)); }

  WindowSpec random_spec() {
    const std::int64_t size = 1 + below(40);
    const std::int64_t offset = below(100) - 50;
    switch (below(4)) {
      case 0: return WindowSpec::tumbling(size, offset);
      case 1: return WindowSpec::sliding(size * (1 + below(4)), size, offset);
      case 2: return WindowSpec::sliding(size, 1 + below(size), offset);
      default: return WindowSpec::sliding(size, size + below(20), offset);
    }
  }

  std::string hashed_name(const std::string& name) const { return kWhole ? "all" : name; }
  std::uint64_t hash_of(const std::string& name) const {
    if constexpr (kWhole) {
      return hash_key<bool>(false);
    } else {
      return hash_key<K>(key_from<K>(name));
    }
  }
  std::uint32_t subtask_for(const std::string& name) const {
    return subtask_of(key_group_of(hash_of(name), kMaxParallelism), static_cast<std::uint32_t>(subjects_.size()), kMaxParallelism);
  }
  std::int64_t fired_until(const std::string& name) const {
    const auto floor = model_.floor.find(name);
    return std::max(watermarks_[subtask_for(name)], floor == model_.floor.end() ? INT64_MIN : floor->second);
  }

  void build(std::uint32_t parallelism, const std::vector<OperatorSnapshot>& snapshots) {
    running_.clear();
    ids_.clear();
    subjects_.clear();
    watermarks_.assign(parallelism, INT64_MIN);
    dropped_.assign(parallelism, 0);
    world_.env.state_stores = spills_ && below(4) != 0 ? &stores_ : nullptr;
    const std::string shared_folder = spills_ && below(3) != 0 ? kSharedCheckpointFolder : "";
    for (std::uint32_t subtask = 0; subtask < parallelism; ++subtask) {
      auto restore = restore_of(snapshots, range_of_subtask(subtask, parallelism, kMaxParallelism));
      subjects_.push_back(std::make_unique<Tested>(world_, model_.spec, model_.lateness, takes_late_, std::move(restore), subtask, parallelism,
                                                   Agg{}, shared_folder));
    }
  }

  // The window's result for a key, as the operator shows it.
  std::string result(const std::string& key, std::int64_t start) const {
    AccumulatorOf<Agg, Record<K>> accumulator{};
    Agg aggregate;
    const auto& records = model_.keys.at(key).records;
    for (auto at = records.lower_bound(start); at != records.end() && at->first < start + model_.spec.size_ms; ++at) {
      aggregate.add(accumulator, Record<K>{key_of_value(key, at->second), at->second});
    }
    const std::string window = " [" + show(start) + "," + show(start + model_.spec.size_ms) + ") ";
    return key + window + show(aggregate.result(accumulator)) + "@" + show(start + model_.spec.size_ms - 1);
  }
  // Over a whole stream the record's own key is made from its value, so that the model need not keep it.
  K key_of_value(const std::string& key, std::int64_t value) const {
    if constexpr (kWhole) {
      return key_from<K>(names_[static_cast<std::size_t>(value) % names_.size()]);
    } else {
      return key_from<K>(key);
    }
  }

  void records() {
    const auto subtask = static_cast<std::uint32_t>(below(static_cast<std::int64_t>(subjects_.size())));
    std::vector<std::pair<Record<K>, std::int64_t>> batch;
    std::set<std::pair<std::string, std::int64_t>> refired;
    std::vector<std::string> late;
    for (std::int64_t n = 1 + below(60); n > 0; --n) {
      const std::int64_t value = below(100);
      const std::string& name = kWhole ? names_[static_cast<std::size_t>(value) % names_.size()] : names_[static_cast<std::size_t>(below(static_cast<std::int64_t>(names_.size())))];
      if (subtask_for(name) != subtask) continue;
      const std::int64_t time = now_ + below(120) - 60;
      const Record<K> record{key_from<K>(name), value};
      batch.push_back({record, time});
      take(hashed_name(name), name, value, time, refired, late);
    }
    Tested& subject = *subjects_[subtask];
    subject.receive(batch);
    std::vector<std::string> expected;
    for (const auto& [key, start] : refired) expected.push_back(result(key, start));
    std::sort(expected.begin(), expected.end());
    ASSERT_EQ(subject.take_sorted(), expected);
    if (takes_late_) {
      ASSERT_EQ(subject.take_late(), late);
    } else {
      dropped_[subtask] += late.size();
    }
    ASSERT_EQ(subject.late_dropped(), dropped_[subtask]);
  }

  void take(const std::string& key, const std::string& name, std::int64_t value, std::int64_t time,
            std::set<std::pair<std::string, std::int64_t>>& refired, std::vector<std::string>& late) {
    const auto starts = model_.windows_of(time);
    if (starts.empty()) return;
    const std::int64_t until = fired_until(key);
    const auto last_of = [&](std::int64_t start) { return start + model_.spec.size_ms - 1; };
    if (until != INT64_MIN && last_of(starts.front()) + model_.lateness <= until) {
      late.push_back(name + ":" + show(value) + "@" + show(time));
      return;
    }
    model_.keys[key].records.emplace(time, value);
    for (const std::int64_t start : starts) {
      if (last_of(start) <= until && last_of(start) + model_.lateness > until) refired.insert({key, start});
    }
  }

  void advance() {
    const auto subtask = static_cast<std::uint32_t>(below(static_cast<std::int64_t>(subjects_.size())));
    const std::int64_t to = now_ + below(40) - 40;
    now_ += below(15);
    const std::int64_t from = watermarks_[subtask];
    if (to <= from) return;
    std::vector<std::string> expected;
    for (const auto& [key, content] : model_.keys) {
      if (subtask_for(key) != subtask) continue;
      const auto floor = model_.floor.find(key);
      std::set<std::int64_t> starts;
      const std::int64_t earliest = from == INT64_MIN ? from : from - model_.spec.size_ms;
      for (auto at = content.records.lower_bound(earliest); at != content.records.end(); ++at) {
        for (const std::int64_t start : model_.windows_of(at->first)) {
          const std::int64_t last = start + model_.spec.size_ms - 1;
          if (last > from && last <= to && (floor == model_.floor.end() || last > floor->second)) starts.insert(start);
        }
      }
      for (const std::int64_t start : starts) expected.push_back(result(key, start));
    }
    watermarks_[subtask] = to;
    subjects_[subtask]->advance(to);
    std::sort(expected.begin(), expected.end());
    ASSERT_EQ(subjects_[subtask]->take_sorted(), expected) << "size " << model_.spec.size_ms << " slide " << model_.spec.slide_ms;
  }

  // The work of the snapshot runs on while records come; the last one that ended is what a restart takes.
  void snapshot() {
    if (!running_.empty()) {
      finish_running();
      return;
    }
    model_at_start_ = model_;
    for (const std::string& name : names_) {
      const std::string key = hashed_name(name);
      if (const std::int64_t until = fired_until(key); until != INT64_MIN) model_at_start_.floor[key] = until;
    }
    for (auto& subject : subjects_) {
      running_.push_back(subject->start());
      ids_.push_back(world_.last_checkpoint);
    }
  }
  void finish_running() {
    completed_.clear();
    for (std::size_t i = 0; i < running_.size(); ++i) {
      completed_.push_back(subjects_[i]->finish(std::move(running_[i])));
      subjects_[i]->checkpoint_completed(ids_[i]);
    }
    running_.clear();
    ids_.clear();
    completed_model_ = model_at_start_;
  }
  void restart() {
    if (completed_.empty()) return;
    model_ = completed_model_;
    build(1 + static_cast<std::uint32_t>(below(kWhole ? 1 : 4)), completed_);
  }

  std::mt19937_64 random_;
  bool spills_;
  TestWorld world_;
  SplitMixRandom chance_{random_()};
  MemoryStateStores stores_;
  ScratchFolder scratch_{world_.files, "/scratch", "see to the disk"};
  Model model_;
  bool takes_late_ = false;
  std::int64_t now_ = 0;
  std::vector<std::string> names_;
  std::vector<std::unique_ptr<Tested>> subjects_;
  std::vector<std::int64_t> watermarks_;
  std::vector<std::uint64_t> dropped_;
  std::vector<StartedSnapshot> running_;
  std::vector<CheckpointId> ids_;  // of these
  Model model_at_start_;
  std::vector<OperatorSnapshot> completed_;
  Model completed_model_;
};

template <class K, class Agg, bool kWhole = false>
void check_against_model(std::uint64_t seeds) {
  for (const bool spills : {false, true}) {
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
      SCOPED_TRACE("seed " + std::to_string(seed) + (spills ? ", spills" : ""));
      Property<K, Agg, kWhole>{seed, spills}.run(150);
      if (testing::Test::HasFailure()) return;
    }
  }
}

TEST(WindowAggregateAgainstAModel, CountsByNumber) { check_against_model<std::int64_t, CountAggregate>(12); }
TEST(WindowAggregateAgainstAModel, OwnAggregateByNumber) { check_against_model<std::int64_t, Summary<std::int64_t>>(12); }
TEST(WindowAggregateAgainstAModel, CountsByText) { check_against_model<std::string_view, CountAggregate>(8); }
TEST(WindowAggregateAgainstAModel, BestRecordByText) {
  check_against_model<std::string_view, BestByAggregate<ValueOf<std::string_view>, true>>(8);
}
TEST(WindowAggregateAgainstAModel, BestRecordOfAWholeStream) {
  check_against_model<std::string_view, BestByAggregate<ValueOf<std::string_view>, false>, true>(8);
}
TEST(WindowAggregateAgainstAModel, OwnAggregateOfAWholeStream) { check_against_model<std::int64_t, Summary<std::int64_t>, true>(8); }

}  // namespace
}  // namespace tidemark::detail
