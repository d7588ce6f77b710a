// A job with state of every kind, run in memory, and all that it says in the end: rows, and what operator state holds.
//
// tests/compat/v1 holds checkpoints of it, so in its first version (Before) names and types stay as they are.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "halved_job.h"
#include "tidemark/detail/state/list_items.h"
#include "tidemark/tidemark.h"
#include "two_versions.h"

namespace tidemark::ledger {

using namespace std::chrono_literals;

inline constexpr std::uint64_t kPayments = 500;
inline constexpr std::int64_t kRate = 20'000;  // time stands still where anybody has something to do, so none comes meanwhile
inline constexpr std::int64_t kSpanMs = 100;
inline constexpr Timestamp kEnd{10'000'000};

inline Payment payment(std::uint64_t n) {
  const auto number = static_cast<std::int64_t>(n);
  return {number * 31 % 23, number % 17, Timestamp{number * 10 - number * 7 % 5 * 10}};
}
inline Limit limit(std::uint64_t n) { return {"limit-" + std::to_string(n), static_cast<std::int64_t>(n), Timestamp{-1}}; }

/// Keeps something of every payment in each kind of keyed state, and tells of all at the end. What it tells does not depend
/// on the order of a key's payments. `life` is that of the job: between two of them what is fleeting expires.
template <class Types>
class Ledger : public KeyedBroadcastProcess<std::int64_t, Payment, Limit, Row> {
  using Item = typename Types::Item;
  ValueState<typename Types::Account> account_;
  ListState<Item> tens_;
  MapState<std::string, Item> by_digit_;
  ReducingState<Item, Larger> largest_;
  AggregatingState<Payment, MeanAmount<Types>> mean_;
  MapState<std::int64_t, std::int64_t> spans_;
  ValueState<Item, Ttl> lasting_value_;
  ListState<Item, Ttl> lasting_list_;
  MapState<std::string, Item, Ttl> lasting_map_;
  ValueState<std::int64_t, Ttl> fleeting_;
  BroadcastState<std::string, Item> limits_;
  std::int64_t life_;

 public:
  Ledger(Declare& d, std::int64_t life)
      : account_{d, "account"}, tens_{d, "tens"}, by_digit_{d, "by-digit"}, largest_{d, "largest"}, mean_{d, "mean"},
        spans_{d, "spans"}, lasting_value_{d, "lasting-value", ttl(1h)}, lasting_list_{d, "lasting-list", ttl(1h)},
        lasting_map_{d, "lasting-map", ttl(1h)}, fleeting_{d, "fleeting", ttl(10s)}, limits_{d, "limits"}, life_{life} {}

  void process(const Payment& payment, Context& ctx, Out<Row>& out) override {
    const Item item = item_of(payment.amount);
    account_.mutate([&](typename Types::Account& account) {
      ++account.count;
      account.owner() = "owner " + std::to_string(payment.account);
      if (payment.amount > 15) account.level = Types::Level::kHigh;
      account.last = std::max(payment.at.ms(), std::optional<std::int64_t>{account.last}.value_or(0));
    });
    if (payment.amount % 10 == 0) {
      tens_.add(item);
      lasting_list_.add(item);
    }
    const std::string digit = std::to_string(payment.amount % 10);
    keep_larger(by_digit_, digit, item);
    keep_larger(lasting_map_, digit, item);
    largest_.add(item);
    mean_.add(payment);
    lasting_value_.mutate([&](Item& sum) { sum.amount += item.amount; });
    const std::int64_t* const written_in = fleeting_.find();
    if (written_in != nullptr && *written_in != life_) out.emit({"an expired value was read", ctx.key()});
    fleeting_.set(life_);
    const std::int64_t span_end = payment.at.ms() - payment.at.ms() % kSpanMs + kSpanMs;
    spans_.put(span_end, payment.amount + sum_of_span(span_end));
    ctx.timers().at(Timestamp{span_end});
    ctx.timers().at(kEnd);
  }
  void process_broadcast(const Limit& limit, BroadcastContext& ctx, Out<Row>&) override {
    ctx.writable(limits_).put(limit.name, item_of(limit.amount));
  }
  void on_timer(Timestamp at, Context& ctx, Out<Row>& out) override {
    const std::string key = std::to_string(ctx.key()) + " ";
    if (at == kEnd) return tell_all(key, out);
    out.emit({key + "until " + std::to_string(at.ms()), sum_of_span(at.ms())});
    spans_.remove(at.ms());
  }

 private:
  static Item item_of(std::int64_t amount) {
    Item item;
    item.amount = static_cast<decltype(item.amount)>(amount);
    return item;
  }
  template <class Map>
  static void keep_larger(Map& map, const std::string& digit, const Item& item) {
    const Item* const known = map.find(digit);
    if (known == nullptr || known->amount < item.amount) map.put(digit, item);
  }
  std::int64_t sum_of_span(std::int64_t end) {
    const std::int64_t* const sum = spans_.find(end);
    return sum == nullptr ? 0 : *sum;
  }
  void tell_all(const std::string& key, Out<Row>& out) {
    const auto tell = [&](const std::string& what, std::int64_t number) { out.emit({key + what, number}); };
    const typename Types::Account account = account_.get();
    tell(account.owner(), static_cast<std::int64_t>(account.count));
    tell("bonus", account.bonus());
    tell("high", account.level == Types::Level::kHigh);
    tell("last", std::optional<std::int64_t>{account.last}.value_or(-1));
    tell("largest", largest_.get().worth());
    tell("mean", mean_.get().value_or(-1));
    tell("lasting value", lasting_value_.get().worth());
    tell_items("tens", tens_.get(), tell);
    tell_items("lasting list", lasting_list_.get(), tell);
    tell_entries("by digit", by_digit_.entries(), tell);
    tell_entries("lasting map", lasting_map_.entries(), tell);
    tell_entries("limits", limits_.entries(), tell);
  }
  template <class Items, class Tell>
  static void tell_items(const std::string& what, const Items& items, const Tell& tell) {
    std::int64_t worth = 0;
    for (const Item& item : items) worth += item.worth();
    tell(what, worth);
  }
  template <class Entries, class Tell>
  static void tell_entries(const std::string& what, const Entries& entries, const Tell& tell) {
    for (const auto& [name, item] : entries) tell(what + " " + std::string{name}, item.worth());
  }
};

/// The same under keys of text.
class Owners : public KeyedProcess<std::string, Payment, Row> {
  ValueState<std::int64_t> sum_;

 public:
  explicit Owners(Declare& d) : sum_{d, "sum"} {}
  void process(const Payment& payment, Context& ctx, Out<Row>&) override {
    sum_.mutate([&](std::int64_t& sum) { sum += payment.amount; });
    ctx.timers().at(kEnd);
  }
  void on_timer(Timestamp, Context& ctx, Out<Row>& out) override { out.emit({std::string{ctx.key()}, sum_.get()}); }
};

/// Hands payments on seven at a time. What still waits at the end is in its last checkpoint.
template <class Types>
class Bundles : public Process<Payment, Row> {
  SplitListState<typename Types::Item> waiting_;
  UnionListState<typename Types::Item> every_hundredth_;

 public:
  explicit Bundles(Declare& d) : waiting_{d, "waiting"}, every_hundredth_{d, "every-hundredth"} {}
  void process(const Payment& payment, Context&, Out<Row>& out) override {
    typename Types::Item item;
    item.amount = static_cast<decltype(item.amount)>(payment.account * 100 + payment.amount);
    if (item.amount % 100 == 0) every_hundredth_.add(item);
    waiting_.add(item);
    if (waiting_.get().size() < 7) return;
    for (const auto& each : waiting_.get()) out.emit({"bundled", each.worth()});
    waiting_.clear();
  }
};

template <class Types>
void build(Job& job, std::int64_t life) {
  const auto limits = job.from(generate<Limit>(5, limit).event_time(&Limit::at)).uid("limits");
  const auto payments =
      job.from(generate<Payment>(kPayments, payment).event_time(&Payment::at, out_of_order_by(100ms)).rate(kRate)).uid("payments");
  payments.key_by(&Payment::account).connect(limits.broadcast()).template process<Ledger<Types>>(life).uid("ledger")
      .to(write_files("/out/ledger", as_json())).uid("ledger-files");
  payments.key_by(&Payment::account).window(sliding(1s, 200ms)).aggregate(MeanAmount<Types>{}).uid("means")
      .to(write_files("/out/means", as_json())).uid("means-files");
  payments.key_by([](const Payment& p) { return "the owner of " + std::to_string(p.account); }).template process<Owners>().uid("owners")
      .to(write_files("/out/owners", as_json())).uid("owners-files");
  payments.template process<Bundles<Types>>().uid("bundles").to(write_files("/out/bundles", as_json())).uid("bundles-files");
}

/// What the operator state of the bundles holds in the end.
template <class Types>
void append_operator_state(const CheckpointMetadata& last, std::vector<std::string>& rows) {
  std::set<std::int64_t> every_hundredth;
  for (const auto& op : last.operators) {
    if (op.uid != "bundles") continue;
    for (const OperatorSnapshot& subtask : op.subtasks) {
      for (const OperatorListState& list : subtask.list_states) {
        for (const std::string& bytes : list.items) {
          typename Types::Item item;
          EXPECT_TRUE(detail::decode_item(bytes, item));
          if (list.name == "waiting") rows.push_back(R"({"text":"bundled","number":)" + std::to_string(item.worth()) + "}");
          if (list.name == "every-hundredth") every_hundredth.insert(item.worth());
        }
      }
    }
  }
  for (const std::int64_t worth : every_hundredth) rows.push_back("every hundredth " + std::to_string(worth));
}

/// Of all sinks, and of the state that no row tells of; sorted.
template <class Types>
std::vector<std::string> rows_of(TestWorld& world, const JobOutcome& outcome) {
  std::vector<std::string> rows;
  for (const char* folder : {"/out/ledger", "/out/means", "/out/owners", "/out/bundles"}) append_rows(world.files, folder, rows);
  append_operator_state<Types>(value_or_throw(load_checkpoint(world.files, outcome.kept)), rows);
  std::ranges::sort(rows);
  return rows;
}

template <class Types>
JobVersion version() {
  return {build<Types>, rows_of<Types>};
}

inline HalvedJob job() {
  return {"ledger", kPayments, [](FileSystem&) {}, version<Before>(), version<After>()};
}

}  // namespace tidemark::ledger
