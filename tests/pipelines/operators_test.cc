// Chains, unions, state and timers, and what a failing function does, through the public API.
#include <gmock/gmock.h>

#include <algorithm>
#include <stdexcept>

#include "run_job.h"

namespace tidemark {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;

struct Reading {
  std::int64_t sensor = 0;
  std::int64_t value = 0;
  Timestamp at;
};

constexpr std::uint64_t kReadings = 5'000;

Reading reading(std::uint64_t n) {
  const auto number = static_cast<std::int64_t>(n);
  return {number % 11, number, Timestamp{number}};
}

class OperatorPipeline : public ::testing::TestWithParam<int> {
 protected:
  Words words() const { return {"--parallelism", std::to_string(GetParam())}; }
  static Stream<Reading> readings(Job& job, const char* uid = "readings") {
    return job.from(generate<Reading>(kReadings, reading).event_time(&Reading::at, out_of_order_by(10s))).uid(uid);
  }
};
INSTANTIATE_TEST_SUITE_P(Parallelism, OperatorPipeline, ::testing::Values(1, 2));

template <class T>
std::vector<T> sorted(std::vector<T> values) {
  std::ranges::sort(values);
  return values;
}

TEST_P(OperatorPipeline, FilterMapAndFlatMap) {
  auto results = collect<std::int64_t>();
  run_job(words(), [&](Job& job) {
    readings(job)
        .filter([](const Reading& r) { return r.value % 2 == 0; })
        .map([](const Reading& r) { return r.value; })
        .flat_map([](const std::int64_t& value, Out<std::int64_t>& out) {
          if (value % 4 != 0) return;
          out.emit(value);
          out.emit(-value - 1);
        })
        .to(results).uid("out");
  });
  std::vector<std::int64_t> expected;
  for (std::int64_t value = 0; value < static_cast<std::int64_t>(kReadings); value += 4) expected.insert(expected.end(), {value, -value - 1});
  EXPECT_EQ(sorted(results.get()), sorted(expected));
}

TEST_P(OperatorPipeline, AStreamMayBeReadTwiceAndAUnionHasAllRecords) {
  auto results = collect<std::int64_t>();
  run_job(words(), [&](Job& job) {
    const auto all = readings(job);
    const auto even = all.filter([](const Reading& r) { return r.value % 2 == 0; });
    const auto odd = all.filter([](const Reading& r) { return r.value % 2 != 0; });
    even.union_with(odd).union_with(readings(job, "others")).map(&Reading::value).to(results).uid("out");
  });
  std::vector<std::int64_t> expected;
  for (std::int64_t value = 0; value < static_cast<std::int64_t>(kReadings); ++value) expected.insert(expected.end(), 2, value);
  EXPECT_EQ(sorted(results.get()), expected);
}

TEST_P(OperatorPipeline, OperatorsMayHaveAParallelismOfTheirOwn) {
  auto results = collect<std::int64_t>();
  run_job(words(), [&](Job& job) {
    readings(job).map(&Reading::value).parallelism(3).filter([](const std::int64_t& v) { return v >= 0; }).to(results).uid("out");
  });
  EXPECT_EQ(results.get().size(), kReadings);
}

// The sum of a sensor's readings so far, and its last sum when nothing more can come.
class RunningSum : public KeyedProcess<std::int64_t, Reading, std::int64_t> {
  ValueState<std::int64_t> sum_;
  std::int64_t factor_;

 public:
  RunningSum(Declare& d, std::int64_t factor) : sum_{d, "sum"}, factor_{factor} {}
  void process(const Reading& r, Context& ctx, Out<std::int64_t>&) override {
    sum_.mutate([&](std::int64_t& sum) { sum += factor_ * r.value; });
    ctx.timers().at(Timestamp{1'000'000});
  }
  void on_timer(Timestamp, Context&, Out<std::int64_t>& out) override {
    out.emit(sum_.get());
    sum_.clear();
  }
};

TEST_P(OperatorPipeline, KeyedStateAndTimers) {
  auto results = collect<std::int64_t>();
  run_job(words(), [&](Job& job) { readings(job).key_by(&Reading::sensor).process<RunningSum>(2).uid("sums").to(results).uid("out"); });
  std::vector<std::int64_t> expected(11, 0);
  for (std::uint64_t n = 0; n < kReadings; ++n) expected[n % 11] += 2 * static_cast<std::int64_t>(n);
  EXPECT_EQ(sorted(results.get()), sorted(expected));
}

// Sets itself again each time it fires, as a heartbeat does.
struct Heartbeat : KeyedProcess<std::int64_t, Reading, std::int64_t> {
  explicit Heartbeat(Declare&) {}
  void process(const Reading& r, Context& ctx, Out<std::int64_t>&) override {
    if (r.value < 11) ctx.timers().at(ctx.timestamp() + 1s);
  }
  void on_timer(Timestamp when, Context& ctx, Out<std::int64_t>& out) override {
    out.emit(ctx.key());
    ctx.timers().at(when + 1s);
  }
};

TEST_P(OperatorPipeline, ATimerThatSetsItselfAgainEndsWithTheInput) {
  auto results = collect<std::int64_t>();
  run_job(words(), [&](Job& job) {
    readings(job).key_by(&Reading::sensor).process<Heartbeat>().uid("heartbeat").to(results).uid("out");
  });
  // No watermark before the last one, so each key's timer fires once.
  EXPECT_EQ(sorted(results.get()).size(), 11u);
}

TEST_P(OperatorPipeline, AFunctionThatThrowsFailsTheJobWithOperatorSubtaskAndRecord) {
  const std::string failure = failure_of(words(), [&](Job& job) {
    readings(job)
        .map([](const Reading& r) {
          if (r.value == 1234) throw std::runtime_error{"the sensor is broken"};
          return r.value;
        })
        .name("check")
        .to(collect<std::int64_t>()).uid("out");
  });
  EXPECT_THAT(failure, AllOf(HasSubstr("the sensor is broken"), HasSubstr("check"), HasSubstr("subtask"), HasSubstr("\"value\":1234")));
}

class ThrowsWhenDeclared : public KeyedProcess<std::int64_t, Reading, std::int64_t> {
 public:
  explicit ThrowsWhenDeclared(Declare&) { throw std::runtime_error{"no such sensor"}; }
  void process(const Reading&, Context&, Out<std::int64_t>&) override {}
};

TEST(Faults, AConstructorThatThrowsIsReportedByRun) {
  EXPECT_THAT(failure_of({},
                         [](Job& job) {
                           job.from(generate<Reading>(1, reading)).uid("r").key_by(&Reading::sensor).process<ThrowsWhenDeclared>().uid("x").to(print());
                         }),
              AllOf(HasSubstr("operators_test.cc:"), HasSubstr("no such sensor")));
}

TEST(Faults, StateWithoutAUidNamesTheOperatorAndItsLine) {
  EXPECT_THAT(failure_of({}, [](Job& job) { job.from(generate<Reading>(1, reading)).uid("r").key_by(&Reading::sensor).process<RunningSum>(1).to(print()); }),
              AllOf(HasSubstr("operator 'keyed process' (operators_test.cc:"), HasSubstr("holds state: name it with .uid(\"...\")")));
}

TEST(Faults, AUidOfAUnionHasNoOperator) {
  EXPECT_THAT(failure_of({},
                         [](Job& job) {
                           const auto one = job.from(generate<Reading>(1, reading)).uid("r");
                           one.union_with(one).uid("both").to(print());
                         }),
              HasSubstr("uid() follows an operator"));
}

}  // namespace
}  // namespace tidemark
