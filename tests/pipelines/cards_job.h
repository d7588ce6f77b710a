// A small job with what a checkpoint of a store's own files has to bring back: values, lists and maps that expire or will,
// timers of both kinds, and windows that are open. Run in memory, and all the rows that it gives.
//
// tests/compat/v1 holds a checkpoint of it, so in its first version names and types stay as they are.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "halved_job.h"
#include "tidemark/tidemark.h"
#include "two_versions.h"

namespace tidemark::cards {

using namespace std::chrono_literals;

inline constexpr std::uint64_t kUses = 240;
inline constexpr std::int64_t kCards = 23;
inline constexpr std::int64_t kRate = 20'000;  // as the ledger's: time stands still where anybody has something to do
inline constexpr Timestamp kEnd{10'000'000};

/// Of a card.
struct Use {
  std::int64_t card = 0;
  std::int64_t amount = 0;
  Timestamp at;
};
inline Use use(std::uint64_t n) {
  const auto number = static_cast<std::int64_t>(n);
  return {number * 31 % kCards, number % 17, Timestamp{number * 10 - number * 7 % 5 * 10 + number / 40 * 300}};
}

struct First {
  struct Sum {
    std::int32_t uses = 0;
    std::int64_t amount = 0;
  };
};
struct Next {
  struct Sum {
    std::int64_t amount = 0;
    std::int64_t uses = 0;
  };
};

/// Tells of all at the end. What it tells does not depend on the order of a card's uses. `life` is that of the job: between
/// two of them what is fleeting expires, and the clock's timers become due.
template <class Types>
class Cards final : public KeyedProcess<std::int64_t, Use, Row> {
  using Sum = typename Types::Sum;
  ValueState<Sum, Ttl> sum_;
  ListState<std::int64_t, Ttl> tens_;
  MapState<std::string, Sum, Ttl> by_digit_;
  ValueState<std::int64_t, Ttl> fleeting_value_;
  ListState<std::int64_t, Ttl> fleeting_list_;
  MapState<std::string, std::int64_t, Ttl> fleeting_map_;
  MapState<std::int64_t, std::int64_t> hundreds_;
  ValueState<std::int64_t> alarm_set_in_;
  std::int64_t life_;

 public:
  Cards(Declare& d, std::int64_t life)
      : sum_{d, "sum", ttl(1h)}, tens_{d, "tens", ttl(1h)}, by_digit_{d, "by-digit", ttl(1h)},
        fleeting_value_{d, "fleeting-value", ttl(10s)}, fleeting_list_{d, "fleeting-list", ttl(10s)},
        fleeting_map_{d, "fleeting-map", ttl(10s)}, hundreds_{d, "hundreds"}, alarm_set_in_{d, "alarm-set-in"}, life_{life} {}

  void process(const Use& use, Context& ctx, Out<Row>& out) override {
    const auto count = [&](Sum& sum) {
      ++sum.uses;
      sum.amount += use.amount;
    };
    sum_.mutate(count);
    if (use.amount % 10 == 0) tens_.add(use.amount);
    const std::string digit = std::to_string(use.amount % 10);
    const Sum* const known = by_digit_.find(digit);
    Sum of_digit = known == nullptr ? Sum{} : *known;
    count(of_digit);
    by_digit_.put(digit, of_digit);
    keep_fleeting(ctx, out);
    const std::int64_t until = (use.at.ms() / 100 + 1) * 100;
    hundreds_.put(until, use.amount + amount_until(until));
    ctx.timers().at(Timestamp{until});
    ctx.timers().at(kEnd);
    if (alarm_set_in_.find() != nullptr) return;
    alarm_set_in_.set(life_);
    ctx.timers().at_processing_time(ctx.processing_time() + 30s);
  }
  void on_processing_timer(Timestamp, Context&, Out<Row>&) override { alarm_set_in_.clear(); }
  void on_timer(Timestamp at, Context& ctx, Out<Row>& out) override {
    if (at == kEnd) return tell_all(ctx, out);
    out.emit({name_of(ctx) + " until " + std::to_string(at.ms()), amount_until(at.ms())});
    hundreds_.remove(at.ms());
  }

 private:
  static std::string name_of(Context& ctx) { return "card " + std::to_string(ctx.key()); }
  std::int64_t amount_until(std::int64_t until) {
    const std::int64_t* const amount = hundreds_.find(until);
    return amount == nullptr ? 0 : *amount;
  }
  void keep_fleeting(Context& ctx, Out<Row>& out) {
    const auto is_old = [this](std::int64_t life) { return life != life_; };
    const std::int64_t* const value = fleeting_value_.find();
    const std::int64_t* const entry = fleeting_map_.find("life");
    const bool has_old = (value != nullptr && is_old(*value)) || (entry != nullptr && is_old(*entry)) ||
                         std::ranges::any_of(fleeting_list_.get(), is_old);
    if (has_old) out.emit({name_of(ctx) + " has what had expired", life_});
    fleeting_value_.set(life_);
    fleeting_list_.add(life_);
    fleeting_map_.put("life", life_);
  }
  void tell_all(Context& ctx, Out<Row>& out) {
    const auto tell = [&](const std::string& what, std::int64_t number) { out.emit({name_of(ctx) + " " + what, number}); };
    tell("uses", static_cast<std::int64_t>(sum_.get().uses));
    tell("amount", sum_.get().amount);
    std::int64_t tens = 0;
    for (const std::int64_t ten : tens_.get()) tens = tens * 100 + ten + 1;
    tell("tens", tens);
    for (const auto& [digit, sum] : by_digit_.entries()) {
      tell("digit " + std::string{digit}, sum.amount * 100 + static_cast<std::int64_t>(sum.uses));
    }
    const std::int64_t* const set_in = alarm_set_in_.find();
    if (set_in != nullptr && *set_in != life_) tell("had an alarm that never came", *set_in);
  }
};

template <class Types>
void build(Job& job, std::int64_t life) {
  const auto uses = job.from(generate<Use>(kUses, use).event_time(&Use::at, out_of_order_by(100ms)).rate(kRate)).uid("uses");
  const auto by_card = uses.key_by(&Use::card);
  by_card.template process<Cards<Types>>(life).uid("cards")
      .union_with(by_card.window(tumbling(500ms)).aggregate(sum(&Use::amount)).uid("slices").map([](const auto& w) {
        return Row{"slice of " + std::to_string(w.key) + " until " + std::to_string(w.end.ms()), w.value};
      }))
      .union_with(by_card.window(session(250ms)).aggregate(count()).uid("sessions").map([](const auto& w) {
        return Row{"session of " + std::to_string(w.key) + " until " + std::to_string(w.end.ms()), w.value};
      }))
      .to(write_files("/out/cards", as_json())).uid("rows");
}

inline std::vector<std::string> rows_of(TestWorld& world, const JobOutcome&) {
  std::vector<std::string> rows;
  append_rows(world.files, "/out/cards", rows);
  std::ranges::sort(rows);
  return rows;
}

inline HalvedJob job() {
  return {"cards", kUses, [](FileSystem&) {}, {build<First>, rows_of}, {build<Next>, rows_of}};
}

}  // namespace tidemark::cards
