// State that outlives its types: a job that failed is resumed by another version of itself, whose structs have fields
// that were added, removed, reordered, renamed and widened, in every kind of state. It ends with the rows of the new
// version run from the start.
#include <gmock/gmock.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iterator>
#include <map>

#include "disturbance.h"
#include "run_job.h"
#include "two_versions.h"

namespace tidemark {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr std::uint64_t kPayments = 60'000;

Payment payment(std::uint64_t n) {
  const auto number = static_cast<std::int64_t>(n);
  return {number * 31 % 23, number % 17, Timestamp{number}};
}
Limit limit(std::uint64_t n) { return {"limit-" + std::to_string(n), static_cast<std::int64_t>(n), Timestamp{-1}}; }

/// Keeps something of every payment in each kind of state, and tells of all at the end.
template <class Types>
class Ledger : public KeyedBroadcastProcess<std::int64_t, Payment, Limit, Row> {
  using Item = typename Types::Item;
  ValueState<typename Types::Account> account_;
  ListState<Item> newest_;
  MapState<std::string, Item> by_digit_;
  ReducingState<Item, Larger> largest_;
  AggregatingState<Payment, MeanAmount<Types>> mean_;
  BroadcastState<std::string, Item> limits_;
  SplitListState<Item> log_;
  UnionListState<Item> starts_;

 public:
  explicit Ledger(Declare& d)
      : account_{d, "account"}, newest_{d, "newest"}, by_digit_{d, "by-digit"}, largest_{d, "largest"},
        mean_{d, "mean"}, limits_{d, "limits"}, log_{d, "log"}, starts_{d, "starts"} {}

  void process(const Payment& payment, Context& ctx, Out<Row>&) override {
    Item item;
    item.amount = static_cast<decltype(item.amount)>(payment.amount);
    account_.mutate([&](typename Types::Account& account) {
      ++account.count;
      account.owner() = "owner " + std::to_string(payment.account);
      account.level = payment.amount > 8 ? Types::Level::kHigh : Types::Level::kLow;
      account.last = payment.at.ms();
    });
    std::vector<Item> newest = newest_.get();
    newest.push_back(item);
    if (newest.size() > 3) newest.erase(newest.begin());
    newest_.set(newest);
    by_digit_.put(std::to_string(payment.amount % 10), item);
    largest_.add(item);
    mean_.add(payment);
    if (payment.at.ms() % 1000 == 0) log_.add(item);
    if (starts_.get().empty()) starts_.add(item);
    ctx.timers().at(Timestamp{10'000'000});
  }
  void process_broadcast(const Limit& limit, BroadcastContext& ctx, Out<Row>&) override {
    Item item;
    item.amount = static_cast<decltype(item.amount)>(limit.amount);
    ctx.writable(limits_).put(limit.name, item);
  }
  void on_timer(Timestamp, Context& ctx, Out<Row>& out) override {
    const std::string key = std::to_string(ctx.key()) + " ";
    const auto emit_all = [&](const std::string& what, const auto& items) {
      std::int64_t worth = 0;
      for (const Item& item : items) worth += item.worth();
      out.emit({key + what, worth});
    };
    const typename Types::Account& account = account_.get();
    out.emit({key + account.owner(), static_cast<std::int64_t>(account.count)});
    out.emit({key + "bonus", account.bonus()});
    out.emit({key + "high", account.level == Types::Level::kHigh});
    out.emit({key + "last", std::optional<std::int64_t>{account.last}.value_or(-1)});
    emit_all("newest", newest_.get());
    std::vector<Item> by_digit;
    for (const auto& [digit, item] : by_digit_.entries()) by_digit.push_back(item);
    emit_all("by digit", by_digit);
    out.emit({key + "largest", largest_.get().worth()});
    out.emit({key + "mean", mean_.get().value_or(-1)});
    std::vector<Item> limits;
    for (const auto& [name, item] : limits_.entries()) limits.push_back(item);
    emit_all("limits", limits);
    emit_all("log", log_.get());
    emit_all("starts", starts_.get());
  }
};

/// In the second half.
class FailLate : public FailOnce<Payment> {
 public:
  explicit FailLate(std::string checkpoints) : FailOnce<Payment>{std::move(checkpoints), kPayments / 2} {}
  FailLate() : FailOnce<Payment>{std::string{}, kPayments} {}  // never
};

template <class Types>
void build_ledger(Job& job, const FailLate& disturbance, const std::string& output) {
  const auto limits = job.from(generate<Limit>(20, limit).event_time(&Limit::at)).uid("limits");
  job.from(generate<Payment>(kPayments, payment).event_time(&Payment::at, out_of_order_by(1s))).uid("payments")
      .map(disturbance)
      .key_by(&Payment::account).connect(limits.broadcast()).template process<Ledger<Types>>().uid("ledger")
      .to(write_files(output, as_json())).uid("out");
}

template <class Types>
void build_windows(Job& job, const FailLate& disturbance, const std::string& output) {
  job.from(generate<Payment>(kPayments, payment).event_time(&Payment::at, out_of_order_by(1s))).uid("payments")
      .map(disturbance)
      .key_by(&Payment::account).window(sliding(10s, 2s)).aggregate(MeanAmount<Types>{}).uid("means")
      .to(write_files(output, as_json())).uid("out");
}

/// The content of every file.
std::map<std::string, std::string> files_in(const std::string& folder) {
  std::map<std::string, std::string> result;
  for (const auto& entry : std::filesystem::recursive_directory_iterator{folder}) {
    if (!entry.is_regular_file()) continue;
    std::ifstream file{entry.path(), std::ios::binary};
    result[entry.path().string()] = {std::istreambuf_iterator<char>{file}, {}};
  }
  return result;
}

class Evolution : public ::testing::Test {
 protected:
  Words words(Words more = {}, int parallelism = 1) const {
    Words all{"--parallelism", std::to_string(parallelism), "--checkpoint-dir", folder_ / "state",
              "--checkpoint-interval", "10ms", "-D", "restart-strategy.type=none"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  template <class F>
  void fail_midway(F&& build) {
    const FailLate disturbance{folder_ / "state"};
    ASSERT_THAT(failure_of(words(), [&](Job& job) { build(job, disturbance, folder_ / "out"); }), HasSubstr("once"));
  }
  static FailLate undisturbed() { return {}; }
  template <class F>
  std::vector<std::string> rows_of_undisturbed(F&& build) {
    run_job({}, [&](Job& job) { build(job, undisturbed(), folder_ / "undisturbed"); });
    return rows(folder_ / "undisturbed");
  }
  template <class F>
  std::string failure_of_resume(F&& build, Words more = {}) {
    more.push_back("--resume");
    return failure_of(words(std::move(more)), [&](Job& job) { build(job, undisturbed(), folder_ / "out"); });
  }

  TemporaryFolder folder_;
};

TEST_F(Evolution, EveryKindOfStateGoesOnInTheNewTypes) {
  fail_midway(build_ledger<Before>);
  EXPECT_EQ(failure_of_resume(build_ledger<After>), "");
  EXPECT_EQ(rows(folder_ / "out"), rows_of_undisturbed(build_ledger<After>));
}

TEST_F(Evolution, AccumulatorsOfWindowsToo) {
  fail_midway(build_windows<Before>);
  EXPECT_EQ(failure_of_resume(build_windows<After>), "");
  EXPECT_EQ(rows(folder_ / "out"), rows_of_undisturbed(build_windows<After>));
}

TEST_F(Evolution, AtAnotherParallelism) {
  fail_midway(build_windows<Before>);
  run_job(words({"--resume"}, 3), [&](Job& job) { build_windows<After>(job, undisturbed(), folder_ / "out"); });
  EXPECT_EQ(rows(folder_ / "out"), rows_of_undisturbed(build_windows<After>));
}

// Back to the old types: an int64 may not fit an int32 any more.
TEST_F(Evolution, WhatWasWidenedCannotBeNarrowedAndTheRefusalTouchesNothing) {
  fail_midway(build_ledger<After>);
  const auto before = files_in(folder_ / "state");
  const std::string failure = failure_of_resume(build_ledger<Before>);
  EXPECT_THAT(failure, AllOf(HasSubstr("uid 'ledger', state 'account': count: int64 -> int32"),
                             HasSubstr("state 'newest': [].amount: int64 -> int32"), HasSubstr("state 'limits'"),
                             HasSubstr("large numbers would be lost"), HasSubstr("declare the saved type again")));
  auto after = files_in(folder_ / "state");
  for (const auto& [path, content] : before) {
    if (path.ends_with("CURRENT")) continue;
    EXPECT_EQ(after[path], content) << path;
  }
  EXPECT_EQ(failure_of_resume(build_ledger<After>), "") << "the version that wrote it still goes on";
  EXPECT_EQ(rows(folder_ / "out"), rows_of_undisturbed(build_ledger<After>));
}

template <class Types>
class OneState : public KeyedProcess<std::int64_t, Payment, Row> {
  ValueState<typename Types::Account> account_;

 public:
  explicit OneState(Declare& d) : account_{d, "account"} {}
  void process(const Payment& payment, Context& ctx, Out<Row>&) override {
    account_.mutate([](typename Types::Account& account) { ++account.count; });
    ctx.timers().at(Timestamp{10'000'000});
    (void)payment;
  }
  void on_timer(Timestamp, Context& ctx, Out<Row>& out) override {
    out.emit({std::to_string(ctx.key()), static_cast<std::int64_t>(account_.get().count)});
  }
};

template <class Types>
class TwoStates : public KeyedProcess<std::int64_t, Payment, Row> {
  ValueState<std::int64_t> unused_;
  ValueState<typename Types::Account> account_;

 public:
  explicit TwoStates(Declare& d) : unused_{d, "unused"}, account_{d, "account"} {}
  void process(const Payment& payment, Context& ctx, Out<Row>&) override {
    unused_.set(payment.amount);
    account_.mutate([](typename Types::Account& account) { ++account.count; });
    ctx.timers().at(Timestamp{10'000'000});
  }
  void on_timer(Timestamp, Context& ctx, Out<Row>& out) override {
    out.emit({std::to_string(ctx.key()), static_cast<std::int64_t>(account_.get().count)});
  }
};

template <template <class> class Function, class Types>
auto build_process(const std::string& uid) {
  return [uid](Job& job, const FailLate& disturbance, const std::string& output) {
    job.from(generate<Payment>(kPayments, payment).event_time(&Payment::at, out_of_order_by(1s))).uid("payments")
        .map(disturbance)
        .key_by(&Payment::account).template process<Function<Types>>().uid(uid)
        .to(write_files(output, as_json())).uid("out");
  };
}

TEST_F(Evolution, AStateThatIsNoLongerDeclaredIsDroppedOnlyOnRequest) {
  fail_midway(build_process<TwoStates, Before>("accounts"));
  EXPECT_THAT(failure_of_resume(build_process<OneState, After>("accounts")),
              AllOf(HasSubstr("state 'unused': the operator declares no such state"),
                    HasSubstr("--allow-non-restored-state")));
  EXPECT_EQ(failure_of_resume(build_process<OneState, After>("accounts"), {"-n"}), "");
  EXPECT_EQ(rows(folder_ / "out"), rows_of_undisturbed(build_process<OneState, After>("accounts")));
}

TEST_F(Evolution, AnOperatorThatIsGoneSaysWhichUidWasMeantAndIsDroppedOnlyOnRequest) {
  fail_midway(build_process<OneState, Before>("accounts"));
  EXPECT_THAT(failure_of_resume(build_process<OneState, After>("account")),
              AllOf(HasSubstr("uid 'accounts', state 'account': no operator of the job has this uid"),
                    HasSubstr("did you mean 'account'?")));
  EXPECT_EQ(failure_of_resume(build_process<OneState, After>("account"), {"--allow-non-restored-state"}), "");
  std::int64_t counted = 0;
  for (const std::string& row : rows(folder_ / "out")) counted += std::stoll(row.substr(row.rfind(':') + 1));
  EXPECT_GT(counted, 0);
  EXPECT_LT(counted, static_cast<std::int64_t>(kPayments)) << "what was counted before is gone";
}

}  // namespace
}  // namespace tidemark
