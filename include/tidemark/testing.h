// A kit to test operators and pipelines with: records, watermarks and time by hand, in the surroundings of a real job.
//
//   TEST(FraudDetector, AlertsOnALargePaymentAfterASmallOne) {
//     in_every_way([](const TestOptions& way) {
//       OperatorTest<FraudDetector, &Payment::account> t{way, 500.0};
//       t.in({1, 0.5}, at(10s)).in({1, 900}, at(20s));
//       t.expect_out({{1, 900}});
//       t.watermark(at(2min));
//       EXPECT_EQ(t.timers(), 0);
//     });
//   }
//
// Each call returns when the job has come to rest. What a task fails with is thrown as an Error, and what was expected and
// has not come as a TestFailure, so any test framework will do. Records are compared by their content: they need no
// operator==. One thread a test.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <type_traits>
#include <utility>
#include <vector>

#include "tidemark/detail/testing/hand_driven_test.h"
#include "tidemark/detail/testing/test_options.h"
#include "tidemark/detail/testing/test_ports.h"
#include "tidemark/detail/testing/test_verbs.h"
#include "tidemark/tidemark.h"

namespace tidemark {

/// The moment so long after the beginning of 1970, when the clock of every test begins.
constexpr Timestamp at(Duration since_1970) { return Timestamp{} + since_1970; }

/// Ways to run a test that must all come to the same: plainly, held up at every record, restored at every record, at other
/// parallelisms, in larger batches, in other orders of steps, and in several of these ways at once.
std::vector<TestOptions> every_way();
/// Runs `test` in every way. A failure names its way.
void in_every_way(const std::function<void(const TestOptions&)>& test);

/// Tests a part of a job that makes an Out stream of an In stream:
///
///   PipelineTest<Bid, Windowed<std::int64_t, std::int64_t>> t{way, [](Stream<Bid> bids) {
///     return bids.key_by(&Bid::auction).window(tumbling(10s)).aggregate(count()).uid("count");
///   }};
///
/// A second parameter, TestPorts&, has further inputs and outputs.
template <class In, class OutT>
class PipelineTest final : public detail::HandDrivenTest<PipelineTest<In, OutT>, In, OutT> {
 public:
  template <class Build>
    requires std::invocable<Build&, Stream<In>> || std::invocable<Build&, Stream<In>, TestPorts&>
  PipelineTest(const TestOptions& options, Build build) : detail::HandDrivenTest<PipelineTest, In, OutT>{options} {
    this->start([&](Stream<In> in, TestPorts& ports) -> Stream<OutT> {
      if constexpr (std::invocable<Build&, Stream<In>, TestPorts&>) {
        return build(in, ports);
      } else {
        return build(in);
      }
    });
  }
};

namespace detail {
/// The type of a function's rules; of one that has none, any type that can be an input's.
template <class F>
struct BroadcastOf {
  using Type = std::int64_t;
};
template <class F>
  requires requires { typename F::Broadcast; }
struct BroadcastOf<F> {
  using Type = typename F::Broadcast;
};
}  // namespace detail

/// Tests a user function: a KeyedProcess or a KeyedBroadcastProcess, with what gives the key of a record, or a Process or a
/// BroadcastProcess without. `args` go to its constructor, behind the Declare&.
template <class F, auto... kKey>
class OperatorTest final : public detail::HandDrivenTest<OperatorTest<F, kKey...>, typename F::Input, typename F::Output> {
  static constexpr bool kIsKeyed = requires { typename F::Key; };
  static constexpr bool kHasRules = requires { typename F::Broadcast; };
  using Rule = typename detail::BroadcastOf<F>::Type;
  static_assert(!kIsKeyed || sizeof...(kKey) == 1, "OperatorTest of a KeyedProcess needs the key: OperatorTest<F, &Payment::account>");
  static_assert(kIsKeyed || sizeof...(kKey) == 0, "only a KeyedProcess has a key");

 public:
  template <class... Args>
  explicit OperatorTest(const TestOptions& options, Args... args)
      : detail::HandDrivenTest<OperatorTest, typename F::Input, typename F::Output>{options} {
    this->start([&](Stream<typename F::Input> in, TestPorts& ports) {
      auto result = connect(keyed(in), ports).template process<F>(std::move(args)...).uid("operator");
      node_ = this->bed().last_node();
      return result;
    });
  }
  OperatorTest() : OperatorTest{TestOptions{}} {}

  /// Puts a rule into the broadcast input of a function that has one.
  OperatorTest& in_broadcast(Rule rule, Timestamp event_time = Timestamp::min())
    requires kHasRules
  {
    return this->in(rules_, std::move(rule), event_time);
  }

  /// How many timers wait, of all keys: of event time and of processing time.
  int timers() {
    this->bed().settle();
    return static_cast<int>(this->bed().timers(node_));
  }

 private:
  static auto keyed(Stream<typename F::Input> in) {
    if constexpr (kIsKeyed) {
      return in.key_by(kKey...);
    } else {
      return in;
    }
  }
  template <class Keyed>
  auto connect(Keyed in, TestPorts& ports) {
    if constexpr (kHasRules) {
      return in.connect(ports.input(rules_).broadcast());
    } else {
      static_cast<void>(ports);
      return in;
    }
  }

  TestInput<Rule> rules_{"rules"};
  NodeId node_ = 0;
};

/// Tests a whole job, with its own sources and sinks, on files in memory. `build` takes a Job&, and a TestPorts& if it likes:
///
///   JobTest t{way, [](Job& job) { job.from(read_files<Bid>("in/*.ndjson")).uid("bids").to(write_files("out", as_json())).uid("out"); }};
///   t.file("in/1.ndjson", R"({"auction": 1, "price": 5})");
///   t.run();
///   EXPECT_EQ(t.lines("out"), ...);
class JobTest final : public detail::TestVerbs {
 public:
  template <class Build>
    requires std::invocable<Build&, Job&> || std::invocable<Build&, Job&, TestPorts&>
  JobTest(const TestOptions& options, Build build) : TestVerbs{options} {
    TestPorts ports = this->ports();
    if constexpr (std::invocable<Build&, Job&, TestPorts&>) {
      build(bed().job(), ports);
    } else {
      build(bed().job());
    }
    bed().start();
  }

  /// Until every source has ended and every sink has committed. Where the job waits for a time, time leaps there.
  void run() { bed().run(); }
};

}  // namespace tidemark
