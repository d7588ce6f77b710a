// That the kit finds what it is made to find.
#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "tidemark/testing.h"

namespace tidemark {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

struct Item {
  std::int64_t key = 0;
  std::int64_t value = 0;
};

/// What the test fails with; empty if it does not.
template <class Test>
std::string failure_of(Test&& test) {
  try {
    test();
  } catch (const std::exception& e) {
    return e.what();
  }
  return {};
}

class Sum final : public KeyedProcess<std::int64_t, Item, Item> {
 public:
  explicit Sum(Declare& declare) : sum_{declare, "sum"} {}
  void process(const Item& item, Context& ctx, Out<Item>& out) override {
    sum_.mutate([&](std::int64_t& sum) { sum += item.value; });
    out.emit({ctx.key(), sum_.get()});
  }

 private:
  ValueState<std::int64_t> sum_;
};

using SumTest = OperatorTest<Sum, &Item::key>;

TEST(TestKit, ShowsBothSidesWhereTheyDiffer) {
  const std::string failure = failure_of([] {
    SumTest t;
    t.in({1, 5}).in({2, 3});
    t.expect_out({{1, 5}, {2, 4}});
  });
  EXPECT_THAT(failure, AllOf(HasSubstr("test_kit_test.cc:"), HasSubstr("number 1"), HasSubstr(R"(expected: {"key":2,"value":4})"),
                             HasSubstr(R"(got:      {"key":2,"value":3})")));
}

TEST(TestKit, MissesWhatDidNotComeAndMindsWhatCameBesides) {
  EXPECT_THAT(failure_of([] { SumTest{}.in({1, 5}).expect_out({{1, 5}, {1, 6}}); }), HasSubstr("got:      nothing"));
  EXPECT_THAT(failure_of([] { SumTest{}.in({1, 5}).expect_out({}); }), HasSubstr("expected: nothing"));
}

TEST(TestKit, LooksAtEachRecordOnce) {
  SumTest t;
  t.in({1, 5}).expect_out({{1, 5}}).expect_out({}).in({1, 5}).expect_out({{1, 10}});
}

TEST(TestKit, OrderMattersUnlessItIsSaidNotTo) {
  const auto fed = [](SumTest& t) -> SumTest& { return t.in({1, 5}).in({2, 3}).in({1, 1}); };
  SumTest strict, any, by_key, wrong;
  EXPECT_NE(failure_of([&] { fed(strict).expect_out({{2, 3}, {1, 5}, {1, 6}}); }), "");
  fed(any).expect_out({{2, 3}, {1, 6}, {1, 5}}, in_any_order);
  fed(by_key).expect_out({{2, 3}, {1, 5}, {1, 6}}, in_order_of(&Item::key));
  EXPECT_NE(failure_of([&] { fed(wrong).expect_out({{2, 3}, {1, 6}, {1, 5}}, in_order_of(&Item::key)); }), "");
}

TEST(TestKit, GivesEventTimes) {
  SumTest t;
  t.in({1, 5}, at(7s));
  const auto out = t.take_out();
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0].at, at(7s));
  EXPECT_EQ(out[0].value.value, 5);
}

TEST(TestKit, ARestoreTakesBackWhatCameSinceTheSnapshotAndDoesItAgain) {
  SumTest t;
  t.in({1, 5}).snapshot().in({1, 1}).in({2, 2});
  t.expect_out({{1, 5}, {1, 6}, {2, 2}});
  t.restore({.parallelism = 3}).in({1, 1}).restore().restore({.parallelism = 1}).in({2, 1});
  t.expect_out({{1, 7}, {2, 3}});
}

TEST(TestKit, ARestoreWithoutASnapshotBeginsAnew) {
  SumTest t;
  t.in({1, 5}).restore({.parallelism = 2}).in({1, 1}).expect_out({{1, 5}, {1, 6}});
}

/// Remembers outside of its state.
class Forgetful final : public KeyedProcess<std::int64_t, Item, Item> {
 public:
  explicit Forgetful(Declare&) {}
  void process(const Item& item, Context& ctx, Out<Item>& out) override { out.emit({ctx.key(), sum_ += item.value}); }

 private:
  std::int64_t sum_ = 0;
};

TEST(TestKit, FindsWhatIsRememberedOutsideOfState) {
  const auto test = [](const TestOptions& way) {
    OperatorTest<Forgetful, &Item::key> t{way};
    t.in({1, 5}).in({1, 1}).in({1, 1}).in({1, 1}).in({1, 1}).expect_out({{1, 5}, {1, 6}, {1, 7}, {1, 8}, {1, 9}});
  };
  EXPECT_EQ(failure_of([&] { test({}); }), "");
  EXPECT_THAT(failure_of([&] { in_every_way(test); }), HasSubstr("restored at every record"));
}

struct Line {
  std::int64_t key = 0;
  std::string_view text;
};

/// Keeps a view of a record that is gone.
class Keeper final : public KeyedProcess<std::int64_t, Line, std::string> {
 public:
  explicit Keeper(Declare&) {}
  void process(const Line& line, Context&, Out<std::string>& out) override {
    out.emit(std::string{before_});
    before_ = line.text;
  }

 private:
  std::string_view before_;
};

TEST(TestKit, FindsTextThatIsKeptBeyondItsRecord) {
  OperatorTest<Keeper, &Line::key> t;
  t.in({1, "a"}).in({1, "b"});
  EXPECT_NE(failure_of([&] { t.expect_out({"", "a"}); }), "");
}

TEST(TestKit, AFailedJobGoesOnOnlyFromARestore) {
  bool fails = true;
  PipelineTest<Item, Item> t{{}, [&](Stream<Item> in) {
                               return in.filter([&fails](const Item& item) {
                                 if (fails && item.value < 0) throw std::runtime_error{"negative"};
                                 return true;
                               });
                             }};
  t.in({1, 1}).snapshot();
  t.expect_failure("negative", [&] { t.in({1, -1}); });
  EXPECT_THAT(failure_of([&] { t.in({1, 2}); }), HasSubstr("only restore()"));
  fails = false;
  t.restore().in({1, 2}).expect_out({{1, 1}, {1, -1}, {1, 2}});
}

TEST(TestKit, AFailureThatWasExpectedMustCome) {
  SumTest t;
  EXPECT_THAT(failure_of([&] { t.expect_failure("negative", [&] { t.in({1, 1}); }); }), HasSubstr("did not fail"));
}

TEST(TestKit, AJobThatIsNotSoundIsRefused) {
  EXPECT_THAT(failure_of([] {
                PipelineTest<Item, Item>{{}, [](Stream<Item> in) { return in.key_by(&Item::key).process<Sum>(); }};
              }),
              HasSubstr(".uid("));
}

TEST(TestKit, NothingIsFedBehindTheEnd) {
  SumTest t;
  t.in({1, 1}).end().expect_out({{1, 1}});
  EXPECT_THAT(failure_of([&] { t.in({1, 1}); }), HasSubstr("has ended"));
}

// What is added up of two inputs, of which one ends and one lags behind.
TEST(TestKit, OneInputEndsAndTimeGoesOnWithTheOthers) {
  in_every_way([](const TestOptions& way) {
    const TestInput<Item> more{"more"};
    const TestInput<Item> slow{"slow"};
    PipelineTest<Item, WindowedAll<std::int64_t>> t{way, [&](Stream<Item> in, TestPorts& ports) {
                                                      return in.union_with(ports.input(more)).union_with(ports.input(slow)).window_all(tumbling(10s)).aggregate(count()).uid("count");
                                                    }};
    t.in({1, 1}, at(1s)).in(more, {2, 1}, at(2s)).in(slow, {3, 1}, at(3s)).watermark(more, at(20s)).expect_out({});
    t.end(more).watermark(at(9s)).expect_out({});
    EXPECT_THAT(failure_of([&] { t.in(more, {2, 1}, at(3s)); }), HasSubstr("input 'more' of the job under test has ended"));
    t.end(slow).in({1, 1}, at(4s)).watermark(at(10s)).expect_out({{at(0s), at(10s), 4}});
    t.in({1, 1}, at(11s)).end().expect_out({{at(10s), at(20s), 1}});
  });
}

TEST(TestKit, TheSameSeedStepsInTheSameOrder) {
  const auto order_of = [](std::uint64_t seed) {
    std::vector<std::int64_t> values;
    PipelineTest<Item, Item> t{{.parallelism = 3, .batch = 64, .seed = seed}, [](Stream<Item> in) {
                                 return in.key_by(&Item::key).process<Sum>().uid("sum");
                               }};
    for (std::int64_t i = 0; i < 64; ++i) t.in({i, i});
    for (const auto& out : t.take_out()) values.push_back(out.value.key);
    return values;
  };
  EXPECT_EQ(order_of(1), order_of(1));
  std::set<std::vector<std::int64_t>> orders;
  for (std::uint64_t seed = 1; seed < 9; ++seed) orders.insert(order_of(seed));
  EXPECT_GT(orders.size(), 1u);
}

}  // namespace
}  // namespace tidemark
