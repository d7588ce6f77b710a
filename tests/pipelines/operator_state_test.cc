// Operator state and rules through the public API: a job that is stopped by a failure and goes on in another run ends with the
// rows of one that was never disturbed.
#include <gmock/gmock.h>

#include <algorithm>
#include <chrono>

#include "disturbance.h"
#include "run_job.h"

namespace tidemark {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;

struct Payment {
  std::int64_t account = 0;
  std::int64_t amount = 0;
  Timestamp at;
};
struct Limit {
  std::string name;
  std::int64_t amount = 0;
  Timestamp at;
};
struct Row {
  std::string text;
  std::int64_t count = 0;
};

constexpr std::uint64_t kPayments = 160'000;
constexpr std::int64_t kAccounts = 23;

Payment payment(std::uint64_t n) {
  const auto number = static_cast<std::int64_t>(n);
  return {number * 31 % kAccounts, number % 17, Timestamp{number}};
}
/// All before the first payment.
Limit limit(std::uint64_t n) { return {"limit-" + std::to_string(n), static_cast<std::int64_t>(n) * 1000, Timestamp{-1}}; }

/// In the second half.
class FailLate : public FailOnce<Payment> {
 public:
  explicit FailLate(std::string checkpoints) : FailOnce<Payment>{std::move(checkpoints), kPayments / 2} {}
  FailLate() : FailOnce<Payment>{std::string{}, kPayments} {}  // never
};

/// Hands payments on in bundles of seven; the last ones of each subtask stay behind. Its count says whether any was lost or
/// came twice.
class Bundles : public Process<Payment, Row> {
  SplitListState<Payment> waiting_;
  SplitListState<std::int64_t> seen_;
  UnionListState<std::int64_t> first_;

 public:
  explicit Bundles(Declare& d) : waiting_{d, "waiting"}, seen_{d, "seen"}, first_{d, "first"} {}
  void process(const Payment& payment, Context&, Out<Row>& out) override {
    if (first_.get().empty()) first_.add(payment.at.ms());
    if (seen_.get().empty()) seen_.add(0);
    seen_.mutate([](std::vector<std::int64_t>& seen) { ++seen.front(); });
    waiting_.add(payment);
    if (waiting_.get().size() < 7) return;
    std::int64_t sum = 0;
    for (const Payment& each : waiting_.get()) sum += each.amount;
    waiting_.clear();
    out.emit({"sum " + std::to_string(sum), seen_.get().front()});
  }
};

/// For each account the last payment by which each limit was passed, once all input was read.
class Passed : public KeyedBroadcastProcess<std::int64_t, Payment, Limit, Row> {
  BroadcastState<std::string, Limit> limits_;
  ValueState<std::int64_t> sum_;
  std::int64_t factor_;

 public:
  Passed(Declare& d, std::int64_t factor) : limits_{d, "limits"}, sum_{d, "sum"}, factor_{factor} {}
  void process(const Payment& payment, Context& ctx, Out<Row>&) override {
    sum_.mutate([&](std::int64_t& sum) { sum += factor_ * payment.amount; });
    ctx.timers().at(Timestamp{10'000'000});
  }
  void process_broadcast(const Limit& limit, BroadcastContext& ctx, Out<Row>&) override { ctx.writable(limits_).put(limit.name, limit); }
  void on_timer(Timestamp, Context& ctx, Out<Row>& out) override {
    for (const auto& [name, limit] : limits_.entries()) {
      if (sum_.get() > limit.amount) out.emit({std::to_string(ctx.key()) + " passed " + name, sum_.get()});
    }
  }
};

Stream<Payment> payments(Job& job) { return job.from(generate<Payment>(kPayments, payment).event_time(&Payment::at, out_of_order_by(1s))).uid("payments"); }
Stream<Limit> limits(Job& job) { return job.from(generate<Limit>(20, limit).event_time(&Limit::at)).uid("limits"); }

class OperatorStatePipeline : public ::testing::TestWithParam<int> {
 protected:
  using BuildTo = std::function<void(Job&, FailLate disturbance, const std::string& output)>;

  Words words(Words more = {}, int parallelism = GetParam()) const {
    Words all{"--parallelism", std::to_string(parallelism), "--checkpoint-dir", folder_ / "state", "--checkpoint-interval", "10ms"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  /// The rows of a run that was not disturbed, and those of one that failed and was resumed, at this parallelism.
  std::pair<std::vector<std::string>, std::vector<std::string>> undisturbed_and_resumed(const BuildTo& build, int resumed_parallelism) {
    run_job({"--parallelism", std::to_string(GetParam())}, [&](Job& job) { build(job, FailLate{}, folder_ / "undisturbed"); });
    const FailLate disturbance{folder_ / "state"};
    const Build job_of = [&](Job& job) { build(job, disturbance, folder_ / "out"); };
    EXPECT_THAT(failure_of(words({"-D", "restart-strategy.type=none"}), job_of), HasSubstr("once"));
    run_job(words({"--resume"}, resumed_parallelism), job_of);
    return {rows(folder_ / "undisturbed"), rows(folder_ / "out")};
  }

  TemporaryFolder folder_;
};
INSTANTIATE_TEST_SUITE_P(Parallelism, OperatorStatePipeline, ::testing::Values(1, 2));

void build_bundles(Job& job, const FailLate& disturbance, const std::string& output) {
  payments(job).map(disturbance).process<Bundles>().uid("bundles").to(write_files(output, as_json())).uid("out");
}
void build_passed(Job& job, const FailLate& disturbance, const std::string& output) {
  payments(job)
      .map(disturbance)
      .key_by(&Payment::account)
      .connect(limits(job).broadcast())
      .process<Passed>(2).uid("passed")
      .to(write_files(output, as_json())).uid("out");
}

TEST_P(OperatorStatePipeline, ListsGoOnWhereTheCheckpointLeftThem) {
  const auto [undisturbed, resumed] = undisturbed_and_resumed(build_bundles, GetParam());
  ASSERT_FALSE(undisturbed.empty());
  if (GetParam() == 1) {
    EXPECT_EQ(resumed, undisturbed);
  } else {
    // Which subtask gets which payment is open, but not how many bundles they make together: all but what waits at the end.
    EXPECT_GE(resumed.size(), (kPayments - 2 * 6) / 7);
    EXPECT_LE(resumed.size(), kPayments / 7);
  }
}

TEST_P(OperatorStatePipeline, RulesAndKeyedStateGoOnTogetherAtAnyParallelism) {
  const auto [undisturbed, resumed] = undisturbed_and_resumed(build_passed, 3);
  ASSERT_FALSE(undisturbed.empty());
  EXPECT_EQ(resumed, undisturbed);
}

TEST_P(OperatorStatePipeline, TheRulesOfARestoredJobNeedNotComeAgain) {
  // The rules have ended long before the failure, so that what they said is in the checkpoint alone.
  const auto [undisturbed, resumed] = undisturbed_and_resumed(build_passed, GetParam());
  EXPECT_EQ(resumed, undisturbed);
  std::vector<std::string> expected;
  for (std::int64_t account = 0; account < kAccounts; ++account) {
    std::int64_t sum = 0;
    for (std::uint64_t n = 0; n < kPayments; ++n) sum += payment(n).account == account ? 2 * payment(n).amount : 0;
    for (std::uint64_t n = 0; n < 20; ++n) {
      if (sum > limit(n).amount) expected.push_back(R"({"text":")" + std::to_string(account) + " passed " + limit(n).name + R"(","count":)" + std::to_string(sum) + "}");
    }
  }
  std::ranges::sort(expected);
  EXPECT_EQ(resumed, expected);
}

class ForAll : public BroadcastProcess<Payment, Limit, Row> {
  BroadcastState<std::string, Limit> limits_;

 public:
  explicit ForAll(Declare& d) : limits_{d, "limits"} {}
  void process(const Payment&, Context&, Out<Row>&) override {}
  void process_broadcast(const Limit& limit, BroadcastContext& ctx, Out<Row>& out) override {
    ctx.writable(limits_).put(limit.name, limit);
    out.emit({limit.name, static_cast<std::int64_t>(limits_.entries().size())});
  }
};

TEST_P(OperatorStatePipeline, EverySubtaskGetsEveryRuleInItsOrder) {
  auto results = collect<Row>();
  run_job({"--parallelism", std::to_string(GetParam())}, [&](Job& job) {
    payments(job).connect(limits(job).parallelism(1).broadcast()).process<ForAll>().uid("for-all").to(results).uid("out");
  });
  std::vector<std::pair<std::string, std::int64_t>> got;
  for (const Row& row : results.get()) got.emplace_back(row.text, row.count);
  std::vector<std::pair<std::string, std::int64_t>> expected;
  for (std::uint64_t n = 0; n < 20; ++n) expected.insert(expected.end(), static_cast<std::size_t>(GetParam()), {limit(n).name, static_cast<std::int64_t>(n) + 1});
  std::ranges::sort(got);
  std::ranges::sort(expected);
  EXPECT_EQ(got, expected);
}

TEST(OperatorState, NeedsAUid) {
  EXPECT_THAT(failure_of({}, [](Job& job) { payments(job).process<Bundles>().to(discard()); }),
              AllOf(HasSubstr("operator 'process' (operator_state_test.cc:"), HasSubstr("holds state: name it with .uid(\"...\")")));
}

class OtherBundles : public Process<Payment, Row> {
  SplitListState<Payment> waiting_;
  UnionListState<std::int64_t> seen_;
  UnionListState<std::int64_t> first_;

 public:
  explicit OtherBundles(Declare& d) : waiting_{d, "waiting"}, seen_{d, "seen"}, first_{d, "first"} {}
  void process(const Payment&, Context&, Out<Row>&) override {}
};
class FewerBundles : public Process<Payment, Row> {
 public:
  explicit FewerBundles(Declare&) {}
  void process(const Payment&, Context&, Out<Row>&) override {}
};

TEST(OperatorState, AnotherTypeAndAMissingStateAreRefused) {
  const TemporaryFolder folder;
  const FailLate disturbance{folder / "state"};
  const Words words{"--checkpoint-dir", folder / "state", "--checkpoint-interval", "10ms", "-D", "restart-strategy.type=none"};
  EXPECT_THAT(failure_of(words, [&](Job& job) { build_bundles(job, disturbance, folder / "out"); }), HasSubstr("once"));
  Words resume = words;
  resume.push_back("--resume");
  EXPECT_THAT(failure_of(resume, [&](Job& job) { payments(job).map(disturbance).process<OtherBundles>().uid("bundles").to(write_files(folder / "out", as_json())).uid("out"); }),
              AllOf(HasSubstr("state 'seen'"), HasSubstr("split list -> union list")));
  EXPECT_THAT(failure_of(resume, [&](Job& job) { payments(job).map(disturbance).process<FewerBundles>().uid("bundles").to(write_files(folder / "out", as_json())).uid("out"); }),
              HasSubstr("state 'seen': the operator declares no such state"));
  EXPECT_THAT(failure_of(resume, [&](Job& job) { payments(job).map(disturbance).process<Bundles>().uid("packs").to(write_files(folder / "out", as_json())).uid("out"); }),
              AllOf(HasSubstr("uid 'bundles'"), HasSubstr("'packs'")));
}

}  // namespace
}  // namespace tidemark
