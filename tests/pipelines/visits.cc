#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "net_rows.h"
#include "two_versions.h"
#include "visits_job.h"

namespace tidemark::visits {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t kVisits = 300;
constexpr std::int64_t kPurchases = 100;
constexpr std::int64_t kUsers = 7;
constexpr std::int64_t kStretch = 40;
constexpr std::int64_t kRate = 20'000;  // as the ledger's: time stands still where anybody has something to do
constexpr Timestamp kEnd{10'000'000};
constexpr const char* kOut = "/out/visits";

struct First {
  struct Visit {
    std::int64_t user = 0;
    std::int32_t page = 0;
    Timestamp at;
    auto operator<=>(const Visit&) const = default;
  };
  struct Place {
    std::int32_t read = 0;  ///< of its stretch
  };
  struct Spent {
    std::int32_t purchases = 0;
    std::int64_t amount = 0;
  };
};
struct Next {
  struct Visit {
    std::int64_t user = 0;
    std::string from = "somewhere";
    Timestamp at;
    std::int64_t page = 0;
    auto operator<=>(const Visit&) const = default;
  };
  struct Place {
    std::int64_t read = 0;
  };
  struct Spent {
    std::int64_t amount = 0;
    std::int64_t count = 0;
    static constexpr auto state_schema = schema(alias("count", "purchases"));
  };
};

/// Read from files.
struct Purchase {
  std::int64_t user = 0;
  std::int64_t amount = 0;
  Timestamp at;
  auto operator<=>(const Purchase&) const = default;
};

template <class Visit>
Visit visit(std::int64_t n) {
  Visit visit;
  visit.user = n * 31 % kUsers;
  visit.page = static_cast<decltype(visit.page)>(n * n % 11);
  visit.at = Timestamp{n * 10 - n * 7 % 5 * 10 + (n / 50) * 400};
  return visit;
}
Purchase purchase(std::int64_t n) { return {n * 5 % kUsers, n % 13, Timestamp{n * 30 + 5 - n * 3 % 4 * 30 + (n / 17) * 400}}; }

/// Of visits.
struct Stretch {
  std::int64_t begin = 0;
  std::int64_t end = 0;
};

template <class Types>
class VisitSource final : public Source<typename Types::Visit, Stretch, typename Types::Place> {
  using Visit = typename Types::Visit;
  using Place = typename Types::Place;

 public:
  std::string name() const override { return "read visits"; }
  std::vector<Stretch> find_splits() override {
    std::vector<Stretch> stretches;
    for (std::int64_t n = 0; n < kVisits; n += kStretch) stretches.push_back({n, std::min(n + kStretch, kVisits)});
    return stretches;
  }
  void open(const Stretch& stretch, const Place&) override { stretch_ = stretch; }
  ReadOutcome read(Place& place, SourceOut<Visit>& out) override {
    while (!out.full() && out.size() < 3 && stretch_.begin + place.read < stretch_.end) {
      out.emit(visit<Visit>(stretch_.begin + place.read++));
    }
    return stretch_.begin + place.read < stretch_.end ? ReadOutcome::kMore : ReadOutcome::kEnd;
  }

 private:
  Stretch stretch_;
};

/// A row of a stream.
Row said(std::string text, std::int64_t number) { return {std::move(text), number}; }
/// For map() of the changes of a table: rows that are taken away again leave nothing.
template <class F>
auto net(F text_of) {
  return [text_of]<class T>(const Change<T>& change) { return Row{"net " + text_of(change.row), adds(change.kind) ? 1 : -1}; };
}
constexpr auto of_window = [](const char* what) {
  return [what](const auto& window) {
    std::string text = what;
    if constexpr (requires { window.key; }) text += " of " + std::to_string(window.key);
    return said(text + " until " + std::to_string(window.end.ms()), static_cast<std::int64_t>(window.value));
  };
};

/// Everything that aggregates may keep.
struct Summary {
  std::int64_t visits = 0;
  double average = 0;
  std::int64_t users = 0;
  std::int64_t about_users = 0;
  std::vector<double> quantiles;
  std::int64_t first = 0;
  std::int64_t largest = 0;
  std::vector<std::int64_t> pages;
};
std::int64_t digest(const Summary& s) {
  std::int64_t sum = s.visits + static_cast<std::int64_t>(s.average * 1000) + s.users * 3 + s.about_users * 5 + s.first * 7 + s.largest * 11;
  for (const double q : s.quantiles) sum = sum * 31 + static_cast<std::int64_t>(q * 100);
  for (const std::int64_t page : s.pages) sum = sum * 37 + page;
  return sum;
}

struct Seen {
  std::int64_t firings = 0;
};
/// Each firing of a window, with what is kept for the window and for the key.
template <class Visit>
class Growth final : public WindowProcess<std::int64_t, std::int64_t, Row, Seen> {
 public:
  explicit Growth(Declare& declare) : all_{declare, "all"} {}
  void process(const std::int64_t& visits, Context& ctx, Out<Row>& out) override {
    const std::int64_t firing = ++ctx.window_state().firings;
    all_.mutate([](std::int64_t& all) { ++all; });
    out.emit(said("firing of " + std::to_string(ctx.key()) + " until " + std::to_string(ctx.window().end.ms()), visits * 10 + firing));
    out.emit(said("net windows of " + std::to_string(ctx.key()), 1));
  }

 private:
  ValueState<std::int64_t> all_;
};

/// A timer of the wall clock, which one life sets and another one sees.
template <class Visit>
class Alarms final : public KeyedProcess<std::int64_t, Visit, Row> {
  using Base = KeyedProcess<std::int64_t, Visit, Row>;
  using Number = typename Base::template ValueState<std::int64_t>;

 public:
  Alarms(Declare& declare, std::int64_t life) : set_in_{declare, "set-in"}, visits_{declare, "visits"}, life_{life} {}
  void process(const Visit&, typename Base::Context& ctx, Out<Row>&) override {
    visits_.mutate([](std::int64_t& visits) { ++visits; });
    ctx.timers().at(kEnd);
    if (set_in_.find() != nullptr) return;
    ctx.timers().at_processing_time(ctx.processing_time() + 30s);
    set_in_.set(life_);
  }
  void on_processing_timer(Timestamp, typename Base::Context&, Out<Row>&) override { set_in_.clear(); }
  void on_timer(Timestamp, typename Base::Context& ctx, Out<Row>& out) override {
    if (set_in_.find() != nullptr && *set_in_.find() != life_) out.emit(said("an alarm of an earlier life never came", ctx.key()));
    out.emit(said("visits of " + std::to_string(ctx.key()), visits_.get()));
  }

 private:
  Number set_in_;
  Number visits_;
  std::int64_t life_;
};

/// Answers some requests with the next ones only, and some never.
template <class Visit>
class Asks final : public AsyncFunction<Visit, Row> {
 public:
  explicit Asks(Declare&) {}
  void request(const Visit& visit, AsyncResult<Row> result) override {
    waiting_.emplace_back(visit, std::move(result));
    if (waiting_.size() < 4) return;
    for (auto& [of, answer] : waiting_) answer.complete(row_of(of));
    waiting_.clear();
  }
  std::vector<Row> timed_out(const Visit& visit) override { return {row_of(visit)}; }

 private:
  static Row row_of(const Visit& visit) { return said("asked at " + std::to_string(visit.at.ms()), visit.user); }
  std::vector<std::pair<Visit, AsyncResult<Row>>> waiting_;
};

template <class Types>
struct SpentBy {
  using Accumulator = typename Types::Spent;
  void add(Accumulator& spent, const Purchase& purchase) const {
    ++number_of(spent);
    spent.amount += purchase.amount;
  }
  void merge(Accumulator& into, const Accumulator& from) const {
    number_of(into) += number_of(from);
    into.amount += from.amount;
  }
  std::int64_t result(const Accumulator& spent) const { return spent.amount * 1000 + number_of(const_cast<Accumulator&>(spent)); }

 private:
  static auto& number_of(Accumulator& spent) {
    if constexpr (requires { spent.count; }) {
      return spent.count;
    } else {
      return spent.purchases;
    }
  }
};

template <class Visits>
Stream<Row> windows(const Visits& visits) {
  using Visit = typename Visits::Record;
  const auto by_user = visits.key_by(&Visit::user);
  const auto page = [](const Visit& v) { return static_cast<std::int64_t>(v.page); };
  const auto user = [](const Visit& v) { return v.user; };
  const auto summary = together<Summary>(count(), avg(page), count_distinct(user), approx_count_distinct(user), approx_quantiles(page, {0.5, 0.9}),
                                         first(page), max(page), list(page));
  return by_user.window(session(60ms)).aggregate(count()).uid("sessions").map(of_window("session"))
      .union_with(by_user.window(session([](const Visit& v) { return v.page > 5 ? 90ms : 40ms; })).aggregate(list(page)).uid("own-gaps").map([](const auto& s) {
        return said("own gaps of " + std::to_string(s.key) + " until " + std::to_string(s.end.ms()), static_cast<std::int64_t>(s.value.size()));
      }))
      .union_with(by_user.window(cumulative(400ms, 100ms)).aggregate(count()).uid("cumulative").map(of_window("cumulative")))
      .union_with(by_user.window(tumbling(200ms)).trigger(event_time_trigger().early(count_trigger(3))).template aggregate<Growth<Visit>>(count()).uid("early"))
      .union_with(by_user.window(global()).trigger(purging(count_trigger(5))).aggregate(count()).uid("fives").map([](const auto& five) {
        return said("five of " + std::to_string(five.key), five.value);
      }))
      .union_with(by_user.window(tumbling(300ms)).evict(count_evictor(2)).aggregate(count()).uid("two-at-most").map(of_window("two at most")))
      .union_with(visits.key_by(page).window(tumbling(250ms)).two_stage().aggregate(together<Summary>(
                            count(), avg(page), count_distinct(user), approx_count_distinct(user), approx_quantiles(page, {0.5, 0.9}), first(page), max(page), list(user)))
                      .uid("two-stages").map([](const auto& w) { return said("page " + std::to_string(w.key) + " until " + std::to_string(w.end.ms()), digest(w.value)); }))
      .union_with(visits.window_all(tumbling(500ms)).aggregate(summary).uid("summaries").map([](const auto& w) {
        return said("summary until " + std::to_string(w.end.ms()), digest(w.value));
      }));
}

template <class Visits>
Stream<Row> joins(const Visits& all_visits, const Stream<Purchase>& all_purchases) {
  using Visit = typename Visits::Record;
  const auto visits = all_visits.key_by(&Visit::user);
  const auto purchases = all_purchases.key_by(&Purchase::user);
  const auto pair = [](const char* what) {
    return [what](const Visit* visit, const Purchase* purchase) {
      return said(std::string{what} + " " + (visit ? std::to_string(visit->at.ms()) : "nobody"), purchase ? purchase->at.ms() : -1);
    };
  };
  return visits.join(purchases).between(-40ms, 70ms).full(pair("between")).uid("between")
      .union_with(visits.join(purchases).window(tumbling(200ms)).full(pair("in a window")).uid("in-windows"))
      .union_with(visits.join(purchases).as_of().left([](const Visit& visit, const Purchase* purchase) {
        return said("as of " + std::to_string(visit.at.ms()), purchase ? purchase->at.ms() : -1);
      }).uid("as-of"))
      .union_with(visits.co_group(purchases).window(tumbling(350ms)).apply([](std::span<const Visit> came, std::span<const Purchase> bought, Out<Row>& out) {
        const std::int64_t user = came.empty() ? bought.front().user : came.front().user;
        out.emit(said("together with " + std::to_string(user), static_cast<std::int64_t>(came.size() * 100 + bought.size())));
      }).uid("groups"))
      .union_with(visits.join(purchases).unbounded().left([](const Visit& visit, const Purchase* purchase) {
        return Row{std::to_string(visit.at.ms()), purchase ? purchase->at.ms() : -1};
      }).uid("ever").map(net([](const Row& row) { return "ever " + row.text + " " + std::to_string(row.number); })));
}

template <class Types>
Stream<Row> tables(const Stream<typename Types::Visit>& visits, const Stream<Purchase>& purchases) {
  using Visit = typename Types::Visit;
  const auto show = [](const char* what) {
    return [what](const Visit& v) { return what + std::to_string(v.user) + " " + std::to_string(v.page) + " " + std::to_string(v.at.ms()); };
  };
  const auto ranked = [](const Visit& v) { return std::pair{static_cast<std::int64_t>(v.page), v.at.ms()}; };
  return purchases.key_by(&Purchase::user).aggregate(SpentBy<Types>{}).uid("spent").map(net([](const auto& spent) {
           return "spent by " + std::to_string(spent.key) + " " + std::to_string(spent.value);
         }))
      .union_with(visits.key_by(&Visit::user).keep_last(ranked).uid("last").map(net(show("last "))))
      .union_with(visits.key_by(&Visit::user).keep_first(ranked, at_end()).uid("first").map(net(show("first "))))
      .union_with(visits.key_by(&Visit::user).top(3, ranked).uid("top").map(net([show](const Ranked<Visit>& each) {
        return show("top ")(each.row) + " " + std::to_string(each.rank);
      })));
}

template <class Types>
void build(Job& job, std::int64_t life) {
  using Visit = typename Types::Visit;
  const auto visits = job.from(own_source<VisitSource<Types>>().poll_every(1ms).event_time(&Visit::at, out_of_order_by(50ms)).rate(kRate)).uid("visits");
  const auto purchases = job.from(read_files<Purchase>("/in/*.ndjson").event_time(&Purchase::at, out_of_order_by(100ms)).rate(kRate)).uid("purchases");
  const auto asked = visits.async().timeout(5ms).capacity(8).ordered().template process<Asks<Visit>>().uid("asked");
  windows(visits)
      .union_with(joins(visits, purchases))
      .union_with(tables<Types>(visits, purchases))
      .union_with(visits.key_by(&Visit::user).template process<Alarms<Visit>>(life).uid("alarms"))
      .union_with(asked)
      .to(write_files(kOut, as_json())).uid("rows");
}

void write_input(FileSystem& files) {
  for (std::int64_t file = 0; file < 3; ++file) {
    std::string lines;
    for (std::int64_t n = file * kPurchases / 3; n < (file + 1) * kPurchases / 3; ++n) {
      const Purchase p = purchase(n);
      lines += R"({"user":)" + std::to_string(p.user) + R"(,"amount":)" + std::to_string(p.amount) + R"(,"at":)" + std::to_string(p.at.ms()) + "}\n";
    }
    value_or_throw(files.make_directories("/in"));
    value_or_throw(replace_file(files, "/in/" + std::to_string(file) + ".ndjson", lines));
  }
}

std::vector<std::string> rows_of(TestWorld& world, const JobOutcome&) { return net_rows(world.files, kOut); }

}  // namespace

HalvedJob job() {
  return {"visits", kVisits + kPurchases, write_input, {build<First>, rows_of}, {build<Next>, rows_of}};
}

}  // namespace tidemark::visits
