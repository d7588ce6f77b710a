#include <gmock/gmock.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "connectors/operator_driver.h"
#include "graph/kept_types.h"
#include "graph/verdict.h"
#include "tidemark/files.h"
#include "tidemark/hybrid.h"
#include "tidemark/own_sink.h"
#include "tidemark/own_source.h"

namespace tidemark {
namespace {

using namespace std::chrono_literals;
using detail::Keeper;
using detail::SourceOperator;
using detail::World;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAreArray;

struct Number {
  std::int64_t n = 0;
  std::string_view text;
};

/// Lists of numbers by their names, as another system would hold them.
struct Shelves {
  std::map<std::string, std::vector<std::int64_t>> lists;
  bool ends = true;
  bool side_by_side = false;
  std::size_t at_once = 2;
  std::function<void()> on_read = [] {};
  std::map<std::string, std::uint64_t> complete = {};  ///< what it was told
};

struct Shelf {
  std::string name;
};
struct Place {
  std::uint64_t index = 0;
};

class Numbers : public Source<Number, Shelf, Place> {
 public:
  explicit Numbers(std::shared_ptr<Shelves> shelves) : shelves_{std::move(shelves)} {}
  std::string name() const override { return "read numbers"; }
  std::vector<Shelf> find_splits() override {
    std::vector<Shelf> found;
    for (const auto& [name, list] : shelves_->lists) found.push_back({name});
    return found;
  }
  bool side_by_side() const override { return shelves_->side_by_side; }
  void open(const Shelf& shelf, const Place&) override { shelf_ = shelf.name; }
  ReadOutcome read(Place& place, SourceOut<Number>& out) override {
    shelves_->on_read();
    const auto& list = shelves_->lists.at(shelf_);
    while (place.index < list.size() && !out.full() && out.size() < shelves_->at_once) {
      const std::string text = std::to_string(list[place.index]);
      out.emit({list[place.index++], text});
    }
    if (place.index < list.size()) return ReadOutcome::kMore;
    return shelves_->ends ? ReadOutcome::kEnd : ReadOutcome::kNothingNow;
  }
  void checkpoint_complete(const Place& place) override { shelves_->complete[shelf_] = place.index; }
  std::optional<std::uint64_t> pending_records(const Place& place) override { return shelves_->lists.at(shelf_).size() - place.index; }

 private:
  std::shared_ptr<Shelves> shelves_;
  std::string shelf_;
};

using NumberSource = SourceDescription<Number>;

/// A source with some readers, driven by hand.
class DrivenSource {
 public:
  DrivenSource(World& world, const NumberSource& source, std::uint32_t readers = 1, std::vector<OperatorSnapshot> from = {}) : world_{world} {
    for (std::uint32_t i = 0; i < readers; ++i) {
      readers_.push_back(std::make_unique<Reader>());
      readers_[i]->context = detail::make_context(world, i, readers);
      readers_[i]->op = source.make_reader(requests_);
      readers_[i]->op->out().add_receiver(readers_[i]->numbers);
      readers_[i]->on_number = [this](std::int64_t n) { on_number(n); };
    }
    enumerator_context_ = detail::make_context(world);
    deal(from);
    enumerator_ = source.make_enumerator(requests_);
    enumerator_->out().add_receiver(splits_);
    enumerator_->open(enumerator_context_);
    for (auto& reader : readers_) reader->op->open(reader->context);
  }

  /// One poll of each, and all that it asked for; false at the end.
  bool step() {
    if (!enumerator_finished_) enumerator_finished_ = enumerator_->poll() == SourceOperator::Poll::kFinished;
    hand_out();
    bool goes_on = false;
    for (auto& reader : readers_) {
      if (!reader->finished) reader->finished = reader->op->poll() == SourceOperator::Poll::kFinished;
      goes_on = goes_on || !reader->finished;
    }
    world_.settle();
    return goes_on;
  }
  void steps(int count) {
    for (int i = 0; i < count; ++i) step();
  }
  void run() {
    for (int i = 0; i < 10'000; ++i) {
      if (!step()) return;
    }
    FAIL() << "the source does not end";
  }
  std::vector<OperatorSnapshot> snapshot() {
    std::vector<OperatorSnapshot> all{detail::take_snapshot(*enumerator_, 1)};
    for (auto& reader : readers_) all.push_back(detail::take_snapshot(*reader->op, 1));
    return all;
  }
  detail::SourceReaderOperator<Number>& reader(std::size_t i = 0) { return *readers_[i]->op; }

  std::function<void(std::int64_t)> on_number = [](std::int64_t) {};  ///< what those downstream do

  std::vector<std::int64_t> numbers(std::size_t reader) const { return readers_[reader]->numbers.kept; }
  std::vector<std::int64_t> numbers() const {
    std::vector<std::int64_t> all;
    for (const auto& reader : readers_) all.insert(all.end(), reader->numbers.kept.begin(), reader->numbers.kept.end());
    return all;
  }

 private:
  struct Reader {
    detail::OperatorContext context;
    std::function<void(std::int64_t)> on_number;
    Keeper<Number, std::int64_t> numbers{[this](const Number& number) {
      EXPECT_EQ(number.text, std::to_string(number.n));
      on_number(number.n);
      return number.n;
    }};
    std::unique_ptr<detail::SourceReaderOperator<Number>> op;
    bool finished = false;
  };

  // As a rescaled job does: the items of split lists in turn.
  void deal(const std::vector<OperatorSnapshot>& from) {
    std::size_t next = 0;
    for (const OperatorSnapshot& snapshot : from) {
      for (const OperatorListState& state : snapshot.list_states) {
        enumerator_context_.restore.list_states.push_back(state);
        for (const std::string& item : state.items) {
          OperatorListState one = state;
          one.items = {item};
          readers_[next++ % readers_.size()]->context.restore.list_states.push_back(one);
        }
      }
    }
  }
  void hand_out() {
    for (const detail::SplitRecord& split : std::exchange(splits_.kept, {})) detail::give(*readers_[split.reader]->op, std::vector{split});
  }

  World& world_;
  std::shared_ptr<detail::SplitRequests> requests_ = std::make_shared<detail::SplitRequests>();
  detail::OperatorContext enumerator_context_;
  Keeper<detail::SplitRecord> splits_;
  std::unique_ptr<detail::SplitEnumeratorOperator> enumerator_;
  std::vector<std::unique_ptr<Reader>> readers_;
  bool enumerator_finished_ = false;
};

std::shared_ptr<Shelves> some_shelves() {
  return std::make_shared<Shelves>(Shelves{.lists = {{"a", {1, 2, 3, 4, 5}}, {"b", {}}, {"c", {6}}, {"d", {7, 8, 9}}}});
}
const std::vector<std::int64_t> kAll = {1, 2, 3, 4, 5, 6, 7, 8, 9};

template <class Call>
std::string error_of(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error.message();
  } catch (const detail::TaskFailure& failure) {
    return failure.error().message();
  }
  return "no error";
}

TEST(OwnSource, EachRecordIsReadOnceAcrossARestoreAtEveryStepAndAtOtherParallelisms) {
  for (const bool side_by_side : {false, true}) {
    for (const std::uint32_t readers : {1, 3}) {
      for (const std::uint32_t readers_then : {1, 2}) {
        for (int steps = 0;; ++steps) {
          World world;
          const auto shelves = some_shelves();
          shelves->side_by_side = side_by_side;
          const NumberSource source = own_source<Numbers>(shelves);
          DrivenSource first{world, source, readers};
          bool ended = false;
          for (int i = 0; i < steps && !ended; ++i) ended = !first.step();
          DrivenSource second{world, source, readers_then, first.snapshot()};
          second.run();
          auto all = first.numbers();
          const auto rest = second.numbers();
          all.insert(all.end(), rest.begin(), rest.end());
          ASSERT_THAT(all, UnorderedElementsAreArray(kAll)) << side_by_side << readers << readers_then << " " << steps;
          if (ended) break;
        }
      }
    }
  }
}

TEST(OwnSource, WhatItSaysIsPendingIsWhatLiesBehindTheRecordsThatWereHandedOn) {
  World world;
  const auto shelves = std::make_shared<Shelves>();
  shelves->lists["a"] = {1, 2, 3, 4, 5, 6, 7};
  shelves->ends = false;
  DrivenSource run{world, own_source<Numbers>(shelves)};
  EXPECT_FALSE(run.reader().pending().records) << "nobody has asked it";
  for (int i = 0; i < 10; ++i) {
    run.step();
    if (run.numbers().empty()) continue;
    EXPECT_EQ(run.reader().pending().records, 7 - run.numbers().size());
  }
  ASSERT_EQ(run.numbers().size(), 7u);
  shelves->lists["a"].push_back(8);
  world.clock.now_ns += 1'000'000'000;
  run.steps(3);
  EXPECT_EQ(run.reader().pending().records, 0u);
}

TEST(OwnSource, ASplitIsToldWhatACompleteCheckpointHasOfIt) {
  World world;
  const auto shelves = std::make_shared<Shelves>(Shelves{.lists = {{"a", {1, 2, 3, 4, 5, 6, 7, 8}}, {"b", {9, 10, 11}}}, .ends = false, .side_by_side = true});
  DrivenSource run{world, own_source<Numbers>(shelves)};
  while (run.numbers().size() < 4) run.step();
  run.snapshot();
  const auto barrier = run.numbers();
  const auto of_a = static_cast<std::uint64_t>(std::ranges::count_if(barrier, [](std::int64_t n) { return n < 9; }));
  while (run.numbers().size() < 8) run.step();
  EXPECT_TRUE(shelves->complete.empty()) << "it is not complete yet";
  run.reader().checkpoint_completed(1);
  while (run.numbers().size() < 11) run.step();
  world.clock.now_ns += 50'000'000;
  run.steps(4);
  EXPECT_EQ(shelves->complete, (std::map<std::string, std::uint64_t>{{"a", of_a}, {"b", barrier.size() - of_a}}));
}

TEST(OwnSource, ABarrierDoesNotWaitForAReadAndWhatItReadsBelongsBehindIt) {
  World world;
  const NumberSource source = own_source<Numbers>(some_shelves());
  auto run = std::make_unique<DrivenSource>(world, source);
  while (run->numbers().empty()) run->step();
  run->reader().poll();  // hands on what was read, and the next read is under way
  const auto snapshot = run->snapshot();
  const auto before = run->numbers();
  ASSERT_THAT(before, ElementsAre(1, 2, 3, 4));
  ASSERT_FALSE(world.blocking.empty());
  world.settle();
  DrivenSource restored{world, source, 1, snapshot};
  restored.run();
  auto all = before;
  const auto rest = restored.numbers();
  all.insert(all.end(), rest.begin(), rest.end());
  EXPECT_THAT(all, UnorderedElementsAreArray(kAll));
  run.reset();
  world.settle();
}

TEST(OwnSource, SplitsThatNeverEndAreReadSideBySideAndDealtOutEvenly) {
  World world;
  const auto shelves = some_shelves();
  shelves->ends = false;
  shelves->side_by_side = true;
  DrivenSource run{world, own_source<Numbers>(shelves).poll_every(10ms), 2};
  run.steps(50);
  EXPECT_THAT(run.numbers(), UnorderedElementsAreArray(kAll));
  EXPECT_THAT(run.numbers(0), UnorderedElementsAreArray({1, 2, 3, 4, 5, 6}));
  shelves->lists["b"] = {10};
  shelves->lists["c"].push_back(11);
  run.steps(10);
  EXPECT_EQ(run.numbers().size(), kAll.size()) << "a split that had nothing is left alone for a while";
  world.clock.now_ns += 10'000'000;
  run.steps(10);
  EXPECT_EQ(run.numbers().size(), kAll.size() + 2);
}

TEST(OwnSource, SplitsThatAppearLaterAreFoundAndNoneIsReadTwice) {
  for (const bool side_by_side : {false, true}) {
    World world;
    const auto shelves = some_shelves();
    shelves->side_by_side = side_by_side;
    const NumberSource source = own_source<Numbers>(shelves).find_again_after(1s);
    auto run = std::make_unique<DrivenSource>(world, source, 2);
    run->steps(50);
    EXPECT_THAT(run->numbers(), UnorderedElementsAreArray(kAll));
    EXPECT_TRUE(run->reader(0).idle());
    const auto snapshot = run->snapshot();
    run = std::make_unique<DrivenSource>(world, source, 1, snapshot);
    shelves->lists["e"] = {10, 11};
    shelves->lists.erase("a");
    run->steps(30);
    EXPECT_THAT(run->numbers(), ElementsAre(10, 11));
    shelves->lists["f"] = {12};
    run->steps(30);
    EXPECT_THAT(run->numbers(), ElementsAre(10, 11)) << "it looks again after a second";
    world.clock.now_ns += 1'000'000'000;
    run->steps(30);
    EXPECT_THAT(run->numbers(), ElementsAre(10, 11, 12));
  }
}

TEST(OwnSource, ASilentSplitHoldsNoWatermarkBackAndABusyOneIsNotSilent) {
  World world;
  const auto shelves = std::make_shared<Shelves>(Shelves{.lists = {{"a", {10, 20}}, {"b", {1}}}, .ends = false, .side_by_side = true});
  DrivenSource run{world, own_source<Numbers>(shelves).event_time(&Number::n).idle_after(1s)};
  run.steps(20);
  EXPECT_EQ(run.reader().watermark(), Timestamp{0});
  world.clock.now_ns += 50'000'000;
  run.steps(5);
  world.clock.now_ns += 900'000'000;
  shelves->lists["a"].push_back(30);
  run.steps(5);
  world.clock.now_ns += 200'000'000;
  run.steps(5);
  EXPECT_EQ(run.reader().watermark(), Timestamp{29});
  EXPECT_FALSE(run.reader().idle());
  world.clock.now_ns += 1'000'000'000;
  run.steps(5);
  EXPECT_TRUE(run.reader().idle());
}

TEST(OwnSource, NoSplitFallsSilentWhileThoseDownstreamAreBusyWithAnother) {
  World world;
  const auto shelves = std::make_shared<Shelves>(Shelves{.lists = {{"a", {}}, {"b", {}}}, .ends = false, .side_by_side = true, .at_once = 1});
  DrivenSource run{world, own_source<Numbers>(shelves).event_time(&Number::n).idle_after(1s)};
  run.on_number = [&](std::int64_t n) {
    EXPECT_GT(Timestamp{n}, run.reader().watermark()) << "a record of a split that was not asked is late";
    world.clock.now_ns += 2'000'000'000;
  };
  for (std::int64_t n = 100; n < 2000; n += 100) {
    shelves->lists["a"].push_back(n);
    shelves->lists["b"].push_back(n - 90);
    world.clock.now_ns += 50'000'000;
    run.steps(6);
  }
  EXPECT_EQ(run.numbers().size(), 38u);
  for (std::int64_t n = 2000; n < 2300; n += 100) {
    shelves->lists["a"].push_back(n);
    world.clock.now_ns += 50'000'000;
    run.steps(6);
  }
  EXPECT_GE(run.reader().watermark(), Timestamp{2099}) << "b was asked again and again, and had nothing";
}

TEST(OwnSource, AReaderWithASilentSplitWakesNoMoreOftenThanItAsks) {
  World world;
  const auto shelves = std::make_shared<Shelves>(Shelves{.lists = {{"a", {1}}, {"b", {}}}, .ends = false, .side_by_side = true});
  DrivenSource run{world, own_source<Numbers>(shelves).event_time(&Number::n).poll_every(10s).idle_after(1s)};
  run.steps(6);
  for (int wakes = 0; wakes < 8; ++wakes) {
    ASSERT_EQ(run.reader().poll(), SourceOperator::Poll::kNothing);
    world.settle();
    ASSERT_GE(run.reader().retry_after_ns(), 1'000'000'000) << wakes;
    world.clock.now_ns += run.reader().retry_after_ns();
    run.steps(2);
  }
  EXPECT_TRUE(run.reader().idle());
}

TEST(OwnSource, RecordsMayComeWithTimesOfTheirOwn) {
  class Timed : public Source<Number, Shelf, Place> {
   public:
    std::string name() const override { return "timed"; }
    std::vector<Shelf> find_splits() override { return {{"only"}}; }
    ReadOutcome read(Place&, SourceOut<Number>& out) override {
      for (std::int64_t n = 0; n < 3000; ++n) out.emit(Timestamp{n}, {n, std::to_string(n)});
      return ReadOutcome::kEnd;
    }
  };
  World world;
  DrivenSource run{world, own_source<Timed>()};
  run.steps(4);
  EXPECT_EQ(run.numbers().size(), 3000u) << "more than is asked for is taken, too";
  run.run();
  EXPECT_EQ(run.reader().watermark(), Timestamp::max());
}

/// What a split of SaysWhatItIsTold says in its reads, one line after the other; then nothing.
struct Line {
  std::vector<std::int64_t> numbers;
  std::optional<std::int64_t> promise;
  bool idle = false;
  bool more = false;
};
using Lines = std::map<std::string, std::vector<Line>>;

class SaysWhatItIsTold : public Source<Number, Shelf, Place> {
 public:
  explicit SaysWhatItIsTold(std::shared_ptr<Lines> lines) : lines_{std::move(lines)} {}
  std::string name() const override { return "say"; }
  std::vector<Shelf> find_splits() override {
    std::vector<Shelf> found;
    for (const auto& [name, lines] : *lines_) found.push_back({name});
    return found;
  }
  bool side_by_side() const override { return true; }
  bool makes_watermarks() const override { return true; }
  void open(const Shelf& shelf, const Place&) override { shelf_ = shelf.name; }
  ReadOutcome read(Place& place, SourceOut<Number>& out) override {
    const auto& lines = lines_->at(shelf_);
    if (place.index == lines.size()) return ReadOutcome::kNothingNow;
    const Line& line = lines[place.index++];
    for (const std::int64_t n : line.numbers) out.emit(Timestamp{n}, {n, std::to_string(n)});
    if (line.promise) out.watermark(Timestamp{*line.promise});
    if (line.idle) out.idle();
    return line.more ? ReadOutcome::kMore : ReadOutcome::kNothingNow;
  }

 private:
  std::shared_ptr<Lines> lines_;
  std::string shelf_;
};

/// Lets the splits of such a source say their next line.
void next_line(World& world, DrivenSource& run) {
  world.clock.now_ns += 50'000'000;
  run.steps(6);
}

TEST(OwnSourceWatermarks, AreWhatTheSourcePromisesAndNoRecordMovesThem) {
  World world;
  const auto lines = std::make_shared<Lines>(Lines{{"a", {{{100, 200}, {}}, {{}, 50}, {{300}, 40}, {{}, 60}}}});
  DrivenSource run{world, own_source<SaysWhatItIsTold>(lines)};
  run.steps(6);
  EXPECT_THAT(run.numbers(), ElementsAre(100, 200));
  EXPECT_EQ(run.reader().watermark(), Timestamp::min()) << "nothing was promised";
  next_line(world, run);
  EXPECT_EQ(run.reader().watermark(), Timestamp{50}) << "without a record, too";
  next_line(world, run);
  EXPECT_EQ(run.reader().watermark(), Timestamp{50}) << "a lower promise changes nothing";
  next_line(world, run);
  EXPECT_EQ(run.reader().watermark(), Timestamp{60});
}

TEST(OwnSourceWatermarks, TheLowestPromiseOfTheSplitsCountsAndEventTimesOfTheBuilderMoveNone) {
  World world;
  const auto lines = std::make_shared<Lines>(Lines{{"a", {{{1000}, 500}}}, {"b", {{{}, {}}, {{}, 30}}}});
  DrivenSource run{world, own_source<SaysWhatItIsTold>(lines).event_time(&Number::n)};
  run.steps(6);
  EXPECT_EQ(run.reader().watermark(), Timestamp::min());
  next_line(world, run);
  EXPECT_EQ(run.reader().watermark(), Timestamp{30});
}

TEST(OwnSourceWatermarks, APromiseOfEverythingIsNotTheEndOfInput) {
  World world;
  const auto lines = std::make_shared<Lines>(Lines{{"a", {{{}, Timestamp::max().ms()}}}});
  DrivenSource run{world, own_source<SaysWhatItIsTold>(lines)};
  run.steps(6);
  EXPECT_EQ(run.reader().watermark(), Timestamp::max() - Duration{1});
}

TEST(OwnSourceWatermarks, ASplitThatSaysThatItIsIdleHoldsNobodyUntilItsNextRecordOrPromise) {
  World world;
  const auto lines = std::make_shared<Lines>(Lines{{"a", {{{}, 10}, {{}, 20}, {{}, 30}, {{}, 40}, {{}, 50}}}, {"b", {{{7}, {}, true}, {}, {{}, 5}, {{}, {}, true}, {{8}, {}}}}});
  DrivenSource run{world, own_source<SaysWhatItIsTold>(lines)};
  run.steps(6);
  EXPECT_EQ(run.reader().watermark(), Timestamp{10}) << "b said so behind its record";
  next_line(world, run);
  EXPECT_EQ(run.reader().watermark(), Timestamp{20}) << "a read that finds nothing changes nothing";
  next_line(world, run);
  EXPECT_EQ(run.reader().watermark(), Timestamp{20}) << "b promised only 5";
  next_line(world, run);
  EXPECT_EQ(run.reader().watermark(), Timestamp{40});
  next_line(world, run);
  EXPECT_EQ(run.reader().watermark(), Timestamp{40}) << "the record of b is behind it, and b holds what it has promised";
  EXPECT_FALSE(run.reader().idle());
}

TEST(OwnSourceWatermarks, AllSplitsThatSayThatTheyAreIdleMakeAnIdleReader) {
  World world;
  const auto lines = std::make_shared<Lines>(Lines{{"a", {{{1}, {}, true}}}, {"b", {{{}, {}, true}, {}, {{2}, {}}}}});
  DrivenSource run{world, own_source<SaysWhatItIsTold>(lines).event_time(&Number::n)};
  run.steps(6);
  EXPECT_TRUE(run.reader().idle());
  next_line(world, run);
  EXPECT_TRUE(run.reader().idle());
  next_line(world, run);
  EXPECT_FALSE(run.reader().idle());
}

TEST(OwnSourceWatermarks, AReadThatGivesNothingThoughThereIsMoreChangesNothing) {
  World world;
  const Line nothing_yet{{}, {}, false, true};
  const auto lines = std::make_shared<Lines>(
      Lines{{"a", {{{}, 10}, {{}, 20}}}, {"b", {{{7}, {}, true}, nothing_yet, nothing_yet, {{}, {}, true, true}, nothing_yet}}});
  DrivenSource run{world, own_source<SaysWhatItIsTold>(lines)};
  run.steps(6);
  next_line(world, run);
  run.steps(20);
  EXPECT_EQ(run.reader().watermark(), Timestamp{20}) << "b has said that it is idle";
}

TEST(OwnSourceWatermarks, ASplitThatGivesNothingThoughThereIsMoreFallsSilent) {
  World world;
  const auto lines = std::make_shared<Lines>(Lines{{"a", {{{1}, {}}}}});
  for (int n = 0; n < 100; ++n) (*lines)["a"].push_back({{}, {}, false, true});
  DrivenSource run{world, own_source<SaysWhatItIsTold>(lines).idle_after(1s)};
  run.steps(6);
  EXPECT_FALSE(run.reader().idle());
  for (int i = 0; i < 30; ++i) next_line(world, run);
  EXPECT_TRUE(run.reader().idle());
}

TEST(OwnSourceWatermarks, ASplitThatGoesOnPromisingIsNotSilent) {
  World world;
  const auto lines = std::make_shared<Lines>(Lines{{"a", {}}});
  for (std::int64_t n = 0; n < 100; ++n) (*lines)["a"].push_back({{}, n});
  DrivenSource run{world, own_source<SaysWhatItIsTold>(lines).idle_after(1s)};
  for (int i = 0; i < 60; ++i) next_line(world, run);
  EXPECT_FALSE(run.reader().idle()) << "three seconds without a record";
  for (int i = 0; i < 70; ++i) next_line(world, run);
  EXPECT_TRUE(run.reader().idle());
}

TEST(OwnSourceWatermarks, AreInTheCheckpointWithThePosition) {
  World world;
  const auto lines = std::make_shared<Lines>(Lines{{"a", {{{100}, 50}, {{}, 70}, {{}, 60}}}});
  const NumberSource source = own_source<SaysWhatItIsTold>(lines);
  DrivenSource first{world, source};
  first.steps(6);
  next_line(world, first);
  ASSERT_EQ(first.reader().watermark(), Timestamp{70});
  DrivenSource second{world, source, 1, first.snapshot()};
  EXPECT_EQ(second.reader().watermark(), Timestamp{70});
  second.steps(6);
  EXPECT_EQ(second.reader().watermark(), Timestamp{70});
  EXPECT_TRUE(second.numbers().empty());
}

TEST(OwnSourceWatermarks, AreEitherTheSourcesOrMadeFromRecordsAndNotBoth) {
  class Unsaid : public SaysWhatItIsTold {
   public:
    using SaysWhatItIsTold::SaysWhatItIsTold;
    bool makes_watermarks() const override { return false; }
  };
  World world;
  const auto lines = std::make_shared<Lines>(Lines{{"a", {{{}, 1}}}});
  DrivenSource run{world, own_source<Unsaid>(lines)};
  EXPECT_THAT(error_of([&] { run.steps(6); }), HasSubstr("override makes_watermarks() to return true"));
  const auto problem_of = [](const NumberSource& source) { return source.problem() ? source.problem()->message() : ""; };
  EXPECT_THAT(problem_of(own_source<SaysWhatItIsTold>(lines).event_time(&Number::n, out_of_order_by(1s))), HasSubstr("makes its watermarks itself"));
  EXPECT_EQ(problem_of(own_source<SaysWhatItIsTold>(lines).align(AlignmentGroup{1s})), "") << "it has times without event_time()";
}

TEST(OwnSource, FailuresSayWhereTheyHappened) {
  World world;
  const auto shelves = some_shelves();
  shelves->on_read = [] { throw std::runtime_error{"the shelf is locked"}; };
  DrivenSource run{world, own_source<Numbers>(shelves)};
  const std::string message = error_of([&] { run.run(); });
  EXPECT_THAT(message, HasSubstr("reading the split {\"name\":\"a\"} from {\"index\":0}: the shelf is locked"));

  class Twice : public Numbers {
   public:
    using Numbers::Numbers;
    std::vector<Shelf> find_splits() override { return {{"a"}, {"a"}}; }
  };
  DrivenSource twice{world, own_source<Twice>(some_shelves())};
  EXPECT_THAT(error_of([&] { twice.run(); }), HasSubstr("gave the split {\"name\":\"a\"} twice"));

  class NeverFinds : public Numbers {
   public:
    using Numbers::Numbers;
    std::vector<Shelf> find_splits() override { throw std::runtime_error{"nobody answers"}; }
  };
  DrivenSource finds{world, own_source<NeverFinds>(some_shelves())};
  EXPECT_THAT(error_of([&] { finds.run(); }), HasSubstr("finding splits: nobody answers"));
}

struct Shelf2 {
  std::string name;
  std::int64_t floor = 7;
};
struct Place2 {
  std::int32_t added = 5;
  std::uint64_t index = 0;
};
class Numbers2 : public Source<Number, Shelf2, Place2> {
 public:
  explicit Numbers2(std::shared_ptr<Shelves> shelves) : numbers_{std::move(shelves)} {}
  std::string name() const override { return numbers_.name(); }
  std::vector<Shelf2> find_splits() override { return {}; }
  void open(const Shelf2& shelf, const Place2&) override { numbers_.open({shelf.name}, {}); }
  ReadOutcome read(Place2& place, SourceOut<Number>& out) override {
    Place old{place.index};
    const ReadOutcome outcome = numbers_.read(old, out);
    place.index = old.index;
    return outcome;
  }

 private:
  Numbers numbers_;
};
struct OtherPlace {
  std::vector<std::string> index;
};
class Numbers3 : public Source<Number, Shelf, OtherPlace> {
 public:
  std::string name() const override { return "read numbers"; }
  std::vector<Shelf> find_splits() override { return {}; }
  ReadOutcome read(OtherPlace&, SourceOut<Number>&) override { return ReadOutcome::kEnd; }
};

TEST(OwnSource, SplitsAndPositionsMayChangeAsStateMay) {
  World world;
  const auto shelves = some_shelves();
  DrivenSource first{world, own_source<Numbers>(shelves)};
  while (first.numbers().empty()) first.step();
  const auto before = first.numbers();
  DrivenSource second{world, own_source<Numbers2>(shelves), 1, first.snapshot()};
  second.run();
  auto all = before;
  const auto rest = second.numbers();
  all.insert(all.end(), rest.begin(), rest.end());
  EXPECT_THAT(all, UnorderedElementsAreArray(kAll));
  EXPECT_THAT(error_of([&] { DrivenSource{world, own_source<Numbers3>(), 1, first.snapshot()}.run(); }), HasSubstr("can't be restored"));
}

TEST(SourceTiming, ARateHoldsForEverySource) {
  World world;
  const auto shelves = std::make_shared<Shelves>(Shelves{.at_once = 100});
  for (std::int64_t n = 0; n < 1000; ++n) shelves->lists["a"].push_back(n);
  DrivenSource run{world, own_source<Numbers>(shelves).rate(100)};
  for (int i = 0; i < 50; ++i) {
    world.clock.now_ns += 10'000'000;
    run.steps(6);
  }
  EXPECT_NEAR(static_cast<double>(run.numbers().size()), 50, 2);
}

TEST(SourceTiming, ASplitIsFoundIdleWhenTheRateLetsItBeReadAndNotBefore) {
  World world;
  const auto shelves = std::make_shared<Shelves>(Shelves{.lists = {{"a", {}}, {"b", {1}}}, .ends = false, .side_by_side = true, .at_once = 1});
  for (std::int64_t n = 1; n < 100; ++n) shelves->lists["a"].push_back(n * 10);
  DrivenSource run{world, own_source<Numbers>(shelves).event_time(&Number::n).rate(1).poll_every(10ms).idle_after(200ms)};
  const auto pass = [&](int tens_of_ms) {
    for (int i = 0; i < tens_of_ms; ++i) {
      world.clock.now_ns += 10'000'000;
      run.steps(4);
    }
  };
  const auto pass_until = [&](const auto& reached) {
    for (int i = 0; i < 1000 && !reached(); ++i) pass(1);
    ASSERT_TRUE(reached());
  };
  pass_until([&] { return run.numbers().size() == 3; });
  ASSERT_THAT(run.numbers(), ElementsAre(10, 1, 20));
  pass(50);
  EXPECT_EQ(run.reader().watermark(), Timestamp{0}) << "nobody has looked whether there is more";
  shelves->lists["b"].push_back(5);
  pass_until([&] { return run.numbers().back() == 5; });
  EXPECT_LT(run.reader().watermark(), Timestamp{5});
  pass(400);
  EXPECT_GE(run.reader().watermark(), Timestamp{29}) << "there is no more, and that was seen";
  EXPECT_FALSE(run.reader().idle());
}

TEST(SourceTiming, AlignedSourcesStayTogetherAndAnIdleOrEndedOneHoldsNobody) {
  World world;
  const auto make = [](std::int64_t from, std::int64_t to, bool ends) {
    const auto shelves = std::make_shared<Shelves>(Shelves{.lists = {{"a", {}}}, .ends = ends, .at_once = 1});
    for (std::int64_t n = from; n < to; ++n) shelves->lists["a"].push_back(n * 100);
    return shelves;
  };
  const AlignmentGroup group{1s, 10ms};
  const auto slow = make(0, 30, false);
  const auto fast = make(0, 200, true);
  DrivenSource ahead{world, own_source<Numbers>(fast).event_time(&Number::n).align(group)};
  DrivenSource behind{world, own_source<Numbers>(slow).event_time(&Number::n).align(group).idle_after(5s)};
  ahead.steps(100);
  EXPECT_LE(ahead.numbers().size(), 1u) << "the other has not begun";
  for (int i = 0; i < 40; ++i) {
    behind.step();
    world.clock.now_ns += 10'000'000;
    ahead.steps(20);
    if (behind.numbers().empty() || ahead.numbers().empty()) continue;
    EXPECT_LE(ahead.numbers().back(), behind.numbers().back() + 1000 + 200);
    if (const auto drift = ahead.reader().alignment_drift()) {
      EXPECT_EQ(*drift, std::max(ahead.reader().watermark() - behind.reader().watermark(), Duration{0}));
    }
  }
  EXPECT_LT(ahead.numbers().size(), 100u);
  EXPECT_FALSE(ahead.reader().idle()) << "who waits is not idle";
  world.clock.now_ns += 6'000'000'000;
  behind.steps(3);
  ASSERT_TRUE(behind.reader().idle());
  ahead.run();
  EXPECT_EQ(ahead.numbers().size(), 200u);
}

TEST(SourceTiming, WhatCanNeverWorkIsRefused) {
  const auto problem_of = [](const NumberSource& source) { return source.problem() ? source.problem()->message() : ""; };
  const AlignmentGroup group{1s};
  EXPECT_THAT(problem_of(own_source<Numbers>(some_shelves()).align(group)), HasSubstr("align() needs event_time()"));
  EXPECT_THAT(problem_of(own_source<Numbers>(some_shelves()).event_time(&Number::n).align(AlignmentGroup{-1s})), HasSubstr("zero or more"));
  EXPECT_THAT(problem_of(own_source<Numbers>(some_shelves()).find_again_after(0s)), HasSubstr("more than zero"));
  EXPECT_THAT(problem_of(own_source<Numbers>(some_shelves()).rate(-1)), HasSubstr("zero or more"));
  EXPECT_THAT(problem_of(hybrid(own_source<Numbers>(some_shelves()).find_again_after(1s), own_source<Numbers>(some_shelves()))),
              HasSubstr("this one has none"));
}

TEST(HybridSource, TheSecondBeginsWhenEveryReaderHasReadAllOfTheFirst) {
  for (const bool side_by_side : {false, true}) {
    for (const std::uint32_t readers : {1, 2}) {
      for (int steps = 0;; ++steps) {
        World world;
        const auto later = std::make_shared<Shelves>(Shelves{.lists = {{"x", {100, 101, 102}}, {"y", {103}}}, .side_by_side = side_by_side});
        const NumberSource source = hybrid(own_source<Numbers>(some_shelves()).event_time(&Number::n), own_source<Numbers>(later).event_time(&Number::n));
        EXPECT_EQ(source.name(), "read numbers, then read numbers");
        DrivenSource first{world, source, readers};
        bool ended = false;
        for (int i = 0; i < steps && !ended; ++i) ended = !first.step();
        DrivenSource second{world, source, 3 - readers, first.snapshot()};
        second.run();
        auto all = first.numbers();
        const auto rest = second.numbers();
        const auto is_later = [](std::int64_t n) { return n >= 100; };
        EXPECT_TRUE(std::ranges::none_of(all, is_later) || std::ranges::all_of(rest, is_later));
        all.insert(all.end(), rest.begin(), rest.end());
        auto expected = kAll;
        expected.insert(expected.end(), {100, 101, 102, 103});
        ASSERT_THAT(all, UnorderedElementsAreArray(expected)) << steps;
        EXPECT_EQ(second.reader().watermark(), Timestamp::max());
        if (ended) break;
      }
    }
  }
}

// Else event time would go past what it is still to be given.
TEST(HybridSource, AReaderThatWaitsForTheSecondHoldsTheWatermark) {
  const auto numbers = [](Shelves shelves) { return own_source<Numbers>(std::make_shared<Shelves>(std::move(shelves))).event_time(&Number::n); };
  for (const bool side_by_side : {false, true}) {
    const NumberSource then = numbers({.lists = {{"y", {100, 101}}, {"z", {50}}}, .side_by_side = side_by_side});
    const NumberSource sources[] = {
        hybrid(numbers({.lists = {{"x", {1, 2, 3}}}, .side_by_side = side_by_side}), then),
        hybrid(numbers({.lists = {{"x", {1}}}}), hybrid(numbers({.lists = {{"x", {2, 3}}}, .side_by_side = side_by_side}), then))};
    for (const NumberSource& source : sources) {
      World world;
      DrivenSource run{world, source, 2};
      while (run.step()) {
        for (const int reader : {0, 1}) ASSERT_FALSE(run.reader(reader).idle());
      }
      EXPECT_THAT(run.numbers(), testing::UnorderedElementsAre(1, 2, 3, 50, 100, 101));
    }
  }
}

// Else the one that has something to read would wait for it, and it for that one.
TEST(HybridSource, AReaderThatWaitsForTheSecondHoldsNoAlignedReaderBack) {
  for (const bool side_by_side : {false, true}) {
    const auto numbers = [&](std::map<std::string, std::vector<std::int64_t>> lists) {
      return own_source<Numbers>(std::make_shared<Shelves>(Shelves{.lists = std::move(lists), .side_by_side = side_by_side, .at_once = 1}))
          .event_time(&Number::n)
          .align(AlignmentGroup{1s, 10ms});
    };
    World world;
    DrivenSource run{world, hybrid(numbers({{"x", {1, 5000, 10000}}}), numbers({{"y", {20000}}, {"z", {20001}}})), 2};
    for (int i = 0; i < 1000 && run.step(); ++i) world.clock.now_ns += 10'000'000;
    EXPECT_THAT(run.numbers(), testing::UnorderedElementsAre(1, 5000, 10000, 20000, 20001));
  }
}

TEST(HybridSource, OneMayBeMadeOfOthers) {
  const auto numbers = [](std::int64_t n) { return own_source<Numbers>(std::make_shared<Shelves>(Shelves{.lists = {{"x", {n, n + 1}}, {"y", {n + 2}}}})); };
  const NumberSource nested[] = {hybrid(hybrid(numbers(1), numbers(4)), numbers(7)), hybrid(numbers(1), hybrid(numbers(4), numbers(7)))};
  for (const NumberSource& source : nested) {
    for (int steps = 0; steps < 20; ++steps) {
      World world;
      DrivenSource first{world, source, 2};
      first.steps(steps);
      DrivenSource second{world, source, 1, first.snapshot()};
      second.run();
      auto all = first.numbers();
      const auto rest = second.numbers();
      all.insert(all.end(), rest.begin(), rest.end());
      ASSERT_THAT(all, UnorderedElementsAreArray(kAll)) << steps;
    }
  }
}

/// As a verdict finds them.
std::vector<KeptType> types_in(std::vector<OperatorSnapshot> snapshots) {
  CheckpointMetadata::Operator op;
  op.subtasks = std::move(snapshots);
  return kept_types(op);
}

// So that a verdict knows of every type what its values will be read as.
TEST(OwnSource, WhatStandsInCheckpointsIsOfTheTypesThatItDeclares) {
  const auto numbers = [](std::int64_t n) { return own_source<Numbers>(std::make_shared<Shelves>(Shelves{.lists = {{"x", {n, n + 1, n + 2}}}})); };
  const NumberSource sources[] = {numbers(1), hybrid(numbers(1), hybrid(numbers(4), numbers(7)))};
  for (const NumberSource& source : sources) {
    const std::vector<KeptType> declared = source.implementation().kept();
    EXPECT_EQ(declared.size(), &source == sources ? 2u : 6u);
    std::vector<KeptType> found;
    World world;
    DrivenSource run{world, source, 2};
    do {
      for (const KeptType& type : types_in(run.snapshot())) {
        ASSERT_THAT(declared, Contains(type)) << type.name;
        if (std::ranges::find(found, type) == found.end()) found.push_back(type);
      }
    } while (run.step());
    EXPECT_EQ(found.size(), declared.size());
  }
}

/// What another system has of the transactions of a sink.
struct Bank {
  std::map<std::string, std::vector<std::int64_t>> open, prepared;
  std::vector<std::int64_t> seen;
  std::set<std::string> committed;
  std::vector<std::string> log;
  int failures = 0;  ///< how many commits still fail
};
struct Prepared {
  std::string transaction;
};

class Deposits : public TwoPhaseSink<Number, Prepared> {
 public:
  explicit Deposits(std::shared_ptr<Bank> bank) : bank_{std::move(bank)} {}
  std::string name() const override { return "deposit"; }
  void begin(const std::string& transaction) override { transaction_ = transaction; }
  void write(const Number& number, Timestamp) override {
    if (number.n < 0) throw std::runtime_error{"below zero"};
    bank_->open[transaction_].push_back(number.n);
  }
  Prepared pre_commit() override {
    bank_->prepared[transaction_] = bank_->open.extract(transaction_).mapped();
    return {transaction_};
  }
  void commit(const Prepared& prepared) override {
    if (bank_->failures > 0) {
      --bank_->failures;
      throw std::runtime_error{"the bank is closed"};
    }
    if (bank_->committed.contains(prepared.transaction)) return;
    auto node = bank_->prepared.extract(prepared.transaction);
    if (node.empty()) throw Error{ErrorCode::kDataLoss, prepared.transaction + " is neither prepared nor committed"};
    bank_->seen.insert(bank_->seen.end(), node.mapped().begin(), node.mapped().end());
    bank_->committed.insert(prepared.transaction);
  }
  void abort_leftovers(const SinkContext& context) override {
    bank_->log.push_back("abort " + context.transaction_prefix);
    bank_->open.clear();
    bank_->prepared.clear();
  }

 private:
  std::shared_ptr<Bank> bank_;
  std::string transaction_;
};

/// A writer, driven by hand.
struct DrivenSink {
  DrivenSink(World& of, const SinkDescription<Number>& sink, AttemptId attempt = 1) : world{of}, context{detail::make_context(of, 0, 1, attempt)}, op{sink.make_writer()} {
    context.job = "job";
    op->open(context);
  }
  std::vector<std::string> checkpoint(CheckpointId id) { return detail::take_snapshot(*op, id).committables; }
  void complete(CheckpointId id) {
    op->checkpoint_completed(id);
    world.settle();
  }
  World& world;
  detail::OperatorContext context;
  std::unique_ptr<detail::Operator> op;
};

detail::SinkRecovery recovery_of(World& world, std::vector<std::string> committables) {
  return {.env = &world.env, .job = "job", .uid = "uid", .attempt = 2, .restored = true, .committables = std::move(committables)};
}

TEST(TwoPhaseSink, CommitsWhatACheckpointHoldsAndNothingElse) {
  World world;
  const auto bank = std::make_shared<Bank>();
  DrivenSink sink{world, own_sink<Deposits>(bank)};
  EXPECT_TRUE(sink.checkpoint(1).empty()) << "nothing was written";
  detail::give<Number>(*sink.op, {{1}, {2}});
  EXPECT_EQ(sink.checkpoint(2).size(), 1u);
  EXPECT_THAT(bank->prepared, ElementsAre(::testing::Key(AllOf(StartsWith("job~uid~"), EndsWith(".0.1.0")))));
  detail::give<Number>(*sink.op, {{3}});
  sink.complete(1);
  EXPECT_TRUE(bank->seen.empty());
  EXPECT_EQ(sink.checkpoint(3).size(), 2u) << "of a checkpoint that is not complete, too";
  sink.complete(3);
  EXPECT_THAT(bank->seen, ElementsAre(1, 2, 3));
  EXPECT_TRUE(sink.checkpoint(4).empty());
  EXPECT_TRUE(sink.op->settled());
}

TEST(TwoPhaseSink, ACheckpointSaysWhatHasPreparedAndInWhichType) {
  World world;
  const SinkDescription<Number> description = own_sink<Deposits>(std::make_shared<Bank>());
  DrivenSink sink{world, description};
  detail::give<Number>(*sink.op, {{1}});
  const OperatorSnapshot snapshot = detail::take_snapshot(*sink.op, 1);
  EXPECT_THAT(description.kept(), ElementsAreArray(types_in({snapshot})));
  const auto saved = saved_operators(CheckpointMetadata{.operators = {{.uid = "uid", .subtasks = {snapshot}}}});
  ASSERT_EQ(saved.size(), 1u);
  EXPECT_EQ(saved[0].sink_kind, description.name());
}

TEST(TwoPhaseSink, ARunThatResumesNothingUsesNoNameOfAnotherRun) {
  World world;
  const auto bank = std::make_shared<Bank>();
  for (int run = 0; run < 2; ++run) {
    DrivenSink sink{world, own_sink<Deposits>(bank)};
    detail::give<Number>(*sink.op, {{run}});
    static_cast<void>(sink.checkpoint(1));
  }
  EXPECT_EQ(bank->prepared.size(), 2u);
}

TEST(TwoPhaseSink, TransactionsAreCommittedInTheirOrderThoughOneFails) {
  World world;
  const auto bank = std::make_shared<Bank>();
  bank->failures = 1;
  DrivenSink sink{world, own_sink<Deposits>(bank)};
  detail::give<Number>(*sink.op, {{1}});
  static_cast<void>(sink.checkpoint(1));
  detail::give<Number>(*sink.op, {{2}});
  static_cast<void>(sink.checkpoint(2));
  sink.complete(2);
  EXPECT_THAT(bank->seen, IsEmpty()) << "the second one waits with the first one";
  detail::give<Number>(*sink.op, {{3}});
  EXPECT_EQ(sink.checkpoint(3).size(), 3u);
  sink.complete(3);
  EXPECT_THAT(bank->seen, IsEmpty()) << "so does that of a later checkpoint";
  static_cast<void>(sink.op->advance_processing_time(*sink.op->next_processing_time()));
  world.settle();
  EXPECT_THAT(bank->seen, ElementsAre(1, 2, 3));
  EXPECT_TRUE(sink.op->settled());
  EXPECT_TRUE(sink.checkpoint(4).empty());
}

TEST(TwoPhaseSink, ARestoredJobCommitsAgainAndDiscardsTheRest) {
  World world;
  const auto bank = std::make_shared<Bank>();
  const SinkDescription<Number> sink = own_sink<Deposits>(bank);
  std::vector<std::string> held;
  std::string of_one;
  {
    DrivenSink first{world, sink};
    detail::give<Number>(*first.op, {{1}});
    held = first.checkpoint(1);
    of_one = bank->prepared.begin()->first;
    first.complete(1);
    detail::give<Number>(*first.op, {{2}});
    static_cast<void>(first.checkpoint(2));
    detail::give<Number>(*first.op, {{3}});
  }
  auto recovery = recovery_of(world, held);
  recovery.only_checks = true;
  sink.recover(recovery);
  EXPECT_TRUE(bank->log.empty()) << "a check changes nothing";
  recovery.only_checks = false;
  for (int start = 0; start < 2; ++start) {
    sink.recover(recovery);
    EXPECT_THAT(bank->seen, ElementsAre(1));
    EXPECT_TRUE(bank->open.empty() && bank->prepared.empty());
  }
  EXPECT_THAT(bank->log, ElementsAre("abort job~uid~", "abort job~uid~"));
  bank->committed.clear();
  EXPECT_THAT(error_of([&] { sink.recover(recovery); }), HasSubstr("sink 'uid', committing {\"transaction\":\"" + of_one + "\"} of the restored checkpoint: "));
  recovery.committables = {"damaged"};
  EXPECT_THAT(error_of([&] { sink.recover(recovery); }), HasSubstr("'committable'"));
}

TEST(TwoPhaseSink, ACommitThatFailsIsTriedAgainAfterAPauseAndInTheEndFailsTheTask) {
  World world;
  const auto bank = std::make_shared<Bank>();
  bank->failures = 2;
  DrivenSink sink{world, own_sink<Deposits>(bank)};
  detail::give<Number>(*sink.op, {{1}});
  static_cast<void>(sink.checkpoint(1));
  sink.complete(1);
  int tries = 1;
  for (; !sink.op->settled(); ++tries) {
    EXPECT_EQ(sink.checkpoint(static_cast<CheckpointId>(1 + tries)).size(), 1u) << "it stays in every checkpoint";
    world.clock.now_ns = *sink.op->next_processing_time() > Timestamp{} ? sink.op->next_processing_time()->ms() * 1'000'000 : 0;
    static_cast<void>(sink.op->advance_processing_time(*sink.op->next_processing_time()));
    world.settle();
  }
  EXPECT_EQ(tries, 3);
  EXPECT_THAT(bank->seen, ElementsAre(1));

  bank->failures = 1000;
  detail::give<Number>(*sink.op, {{2}});
  static_cast<void>(sink.checkpoint(50));
  const auto never = [&] {
    sink.complete(50);
    while (true) {
      static_cast<void>(sink.op->advance_processing_time(*sink.op->next_processing_time()));
      world.settle();
    }
  };
  EXPECT_THAT(error_of(never), HasSubstr("commit(): the bank is closed"));
}

TEST(OwnSinks, FailuresNameTheRecordAndFlushComesBeforeEveryBarrier) {
  struct Written {
    std::vector<std::int64_t> held, arrived;
  };
  class Post : public Sink<Number> {
   public:
    explicit Post(std::shared_ptr<Written> written) : written_{std::move(written)} {}
    std::string name() const override { return "post"; }
    void write(const Number& number, Timestamp time) override {
      if (number.n < 0) throw std::runtime_error{"below zero"};
      EXPECT_EQ(time, Timestamp{7});
      written_->held.push_back(number.n);
    }
    void flush() override { written_->arrived.insert(written_->arrived.end(), written_->held.begin(), written_->held.end()), written_->held.clear(); }

   private:
    std::shared_ptr<Written> written_;
  };
  World world;
  const auto written = std::make_shared<Written>();
  DrivenSink sink{world, own_sink<Post>(written)};
  detail::give<Number>(*sink.op, {{1}, {2}}, 7);
  EXPECT_TRUE(written->arrived.empty());
  EXPECT_TRUE(sink.checkpoint(1).empty());
  EXPECT_THAT(written->arrived, ElementsAre(1, 2));
  detail::give<Number>(*sink.op, {{3}}, 7);
  sink.op->end_of_data();
  EXPECT_THAT(written->arrived, ElementsAre(1, 2, 3));
  EXPECT_EQ(sink.op->records_out(), 3u);
  const SinkDescription<Number> deposits = own_sink<Deposits>(std::make_shared<Bank>());
  DrivenSink two{world, deposits};
  for (DrivenSink* each : {&sink, &two}) {
    EXPECT_THAT(error_of([&] { detail::give<Number>(*each->op, {{1}, {-5}}, 7); }), HasSubstr("writing {\"n\":-5,"));
  }
}

}  // namespace
}  // namespace tidemark
