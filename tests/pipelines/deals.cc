#include <algorithm>
#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "deals_job.h"
#include "env/file_system.h"
#include "net_rows.h"
#include "tidemark/detail/codec/json_encode.h"

namespace tidemark::deals {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t kOrders = 150;
constexpr std::int64_t kPayments = 150;
// In the middle of the input orders are still read from files, and payments no more.
constexpr std::int64_t kOrdersInFiles = 120;
constexpr std::int64_t kPaymentsInFiles = 30;
constexpr std::int64_t kStretch = 20;
constexpr std::int64_t kRate = 20'000;  // as the ledger's: time stands still where anybody has something to do
constexpr std::string_view kOut = "/out/deals";

struct First {
  struct Order {
    std::int64_t id = 0;
    std::int32_t amount = 0;
    Timestamp at;
    auto operator<=>(const Order&) const = default;
  };
  struct Payment {
    std::int64_t order = 0;
    std::int32_t amount = 0;
    Timestamp at;
    auto operator<=>(const Payment&) const = default;
  };
  struct Stretch {
    std::int64_t begin = 0;
    std::int64_t end = 0;
  };
  struct Place {
    std::int32_t read = 0;  ///< of its stretch
  };
  struct Draft {
    std::string transaction;
    std::int32_t rows = 0;
  };
};
struct Next {
  struct Order {
    Timestamp at;
    std::int64_t id = 0;
    std::int64_t amount = 0;
    auto operator<=>(const Order&) const = default;
  };
  struct Payment {
    std::int64_t order = 0;
    Timestamp at;
    std::int64_t amount = 0;
    auto operator<=>(const Payment&) const = default;
  };
  struct Stretch {
    std::string why = "any";
    std::int64_t begin = 0;
    std::int64_t end = 0;
  };
  struct Place {
    std::int64_t read = 0;
  };
  struct Draft {
    std::int64_t count = 0;
    std::string transaction;
    static constexpr auto state_schema = schema(alias("count", "rows"));
  };
};

struct Row {
  std::string text;
  std::int64_t number = 0;
};

// Some orders are never paid, some are paid several times, some payments come before their order, and some have none.
template <class T>
T made(std::int64_t n) {
  T record;
  record.at = Timestamp{n * 1'200'000 - n * 7 % 5 * 600'000};  // so that it takes days
  record.amount = static_cast<decltype(record.amount)>(n * n % 17);
  if constexpr (requires { record.id; }) {
    record.id = n;
  } else {
    record.order = n * 53 % (kOrders + 30);
    if (n % 3 == 0) record.order = n * 2 % kOrders;
  }
  return record;
}

template <class Types, class T>
class MadeSource final : public Source<T, typename Types::Stretch, typename Types::Place> {
  using Stretch = typename Types::Stretch;
  using Place = typename Types::Place;

 public:
  MadeSource(std::int64_t begin, std::int64_t end) : begin_{begin}, end_{end} {}
  std::string name() const override { return "make records"; }
  std::vector<Stretch> find_splits() override {
    std::vector<Stretch> stretches;
    for (std::int64_t n = begin_; n < end_; n += kStretch) {
      Stretch& stretch = stretches.emplace_back();
      stretch.begin = n;
      stretch.end = std::min(n + kStretch, end_);
    }
    return stretches;
  }
  void open(const Stretch& stretch, const Place&) override { stretch_ = stretch; }
  ReadOutcome read(Place& place, SourceOut<T>& out) override {
    while (!out.full() && out.size() < 3 && stretch_.begin + place.read < stretch_.end) {
      out.emit(made<T>(stretch_.begin + place.read++));
    }
    return stretch_.begin + place.read < stretch_.end ? ReadOutcome::kMore : ReadOutcome::kEnd;
  }

 private:
  std::int64_t begin_;
  std::int64_t end_;
  Stretch stretch_;
};

/// A transaction is a file, which gets its name when it is committed.
template <class Types>
class FiledRows final : public TwoPhaseSink<Row, typename Types::Draft> {
  using Draft = typename Types::Draft;

 public:
  explicit FiledRows(FileSystem* files) : files_{files} {}
  std::string name() const override { return "file rows"; }
  void open(const SinkContext&) override { value_or_throw(files_->make_directories(std::string{kOut})); }

  void begin(const std::string& transaction) override {
    transaction_ = transaction;
    lines_.clear();
    rows_ = 0;
  }
  void write(const Row& row, Timestamp) override {
    detail::append_json(row, lines_);
    lines_ += '\n';
    ++rows_;
  }
  Draft pre_commit() override {
    value_or_throw(replace_file(*files_, prepared(transaction_), lines_));
    Draft draft;
    draft.transaction = transaction_;
    number_of(draft) = static_cast<std::remove_reference_t<decltype(number_of(draft))>>(rows_);
    return draft;
  }
  void commit(const Draft& draft) override {
    const bool is_committed = files_->stat(committed(draft.transaction)).has_value();
    const std::string path = is_committed ? committed(draft.transaction) : prepared(draft.transaction);
    const std::string lines = value_or_throw(read_file(*files_, path));
    if (std::ranges::count(lines, '\n') != number_of(const_cast<Draft&>(draft))) {
      throw std::runtime_error{"another number of rows was prepared"};
    }
    if (!is_committed) value_or_throw(files_->rename(prepared(draft.transaction), committed(draft.transaction)));
    value_or_throw(files_->sync_directory(std::string{kOut}));
  }
  void abort_leftovers(const SinkContext& context) override {
    const std::string mine = "prepared-" + context.transaction_prefix;
    for (const DirectoryEntry& entry : value_or_throw(files_->list(std::string{kOut}))) {
      if (entry.name.starts_with(mine)) value_or_throw(files_->remove(join_path(kOut, entry.name)));
    }
  }

 private:
  static auto& number_of(Draft& draft) {
    if constexpr (requires { draft.rows; }) {
      return draft.rows;
    } else {
      return draft.count;
    }
  }
  static std::string prepared(const std::string& transaction) { return join_path(kOut, "prepared-" + transaction); }
  static std::string committed(const std::string& transaction) { return join_path(kOut, "part-" + transaction); }

  FileSystem* files_;
  std::string transaction_;
  std::string lines_;
  std::int64_t rows_ = 0;
};

/// Of a join's changes or rows: what is taken away again leaves nothing.
template <class F>
auto net(F text_of) {
  return [text_of]<class T>(const T& joined) {
    if constexpr (detail::is_change_v<T>) {
      return Row{"net " + text_of(joined.row), adds(joined.kind) ? 1 : -1};
    } else {
      return Row{"net " + text_of(joined), 1};
    }
  };
}

template <class Types>
Stream<Row> joins(const Stream<typename Types::Order>& all_orders, const Stream<typename Types::Payment>& all_payments) {
  using Order = typename Types::Order;
  using Payment = typename Types::Payment;
  const auto orders = all_orders.key_by(&Order::id);
  const auto payments = all_payments.key_by(&Payment::order);
  const auto text = [](const Payment* payment, const Order* order) {
    return (order ? std::to_string(order->id) + " of " + std::to_string(order->amount) : "no order") + " by " +
           (payment ? std::to_string(payment->at.ms()) + " of " + std::to_string(payment->amount) : "nobody");
  };
  const auto said = [](const char* what) { return net([what](const Row& row) { return what + row.text; }); };
  const auto by_payment = payments.join(orders).unbounded().many_to_one();
  const auto by_order = orders.join(payments).unbounded().one_to_many();
  const auto paid = by_payment.inner([text](const Payment& payment, const Order& order) { return Row{text(&payment, &order), 0}; });
  const auto all_paid = by_payment.full([text](const Payment* payment, const Order* order) { return Row{text(payment, order), 0}; });
  const auto ordered = by_order.inner([text](const Order& order, const Payment& payment) { return Row{text(&payment, &order), 0}; });
  const auto all_ordered = by_order.full([text](const Order* order, const Payment* payment) { return Row{text(payment, order), 0}; });
  return paid.uid("paid").map(said("paid "))
      .union_with(all_paid.uid("all-paid").map(said("all paid ")))
      .union_with(ordered.uid("ordered").map(said("ordered ")))
      .union_with(all_ordered.uid("all-ordered").map(said("all ordered ")));
}

// By the wall clock all lives fall into one window, so what it tells is known: how many records there were so far.
template <class Types>
Stream<Row> windows(const Stream<typename Types::Payment>& payments) {
  using Payment = typename Types::Payment;
  const auto by_amount = payments.key_by([](const Payment& payment) { return static_cast<std::int64_t>(payment.amount); });
  const auto so_far = [](const char* what) {
    return [what](const auto& window) { return Row{what + std::to_string(window.key) + " so far", window.value}; };
  };
  return by_amount.window(calendar_days("Europe/Berlin")).aggregate(count()).uid("days").map([](const auto& day) {
           return Row{"day of " + std::to_string(day.key) + " until " + std::to_string(day.end.ms()), day.value};
         })
      .union_with(by_amount.window(tumbling(24h).by_processing_time()).trigger(count_trigger(4)).aggregate(count()).uid("shifts")
                      .map(so_far("shift of ")))
      .union_with(by_amount.window(session(24h).by_processing_time()).trigger(count_trigger(3)).aggregate(count()).uid("visits")
                      .map(so_far("visit of ")));
}

template <class T, class Types>
auto source(const char* files, std::int64_t in_files, std::int64_t all) {
  return hybrid(read_files<T>(files).event_time(&T::at, out_of_order_by(1h)),
                own_source<MadeSource<Types, T>>(in_files, all).poll_every(1ms).event_time(&T::at, out_of_order_by(1h)).rate(kRate));
}

template <class Types>
void build(Job& job, const Life& life) {
  using Order = typename Types::Order;
  using Payment = typename Types::Payment;
  const auto orders = job.from(source<Order, Types>("/in/orders/*.ndjson", kOrdersInFiles, kOrders)).uid("orders");
  const auto payments = job.from(source<Payment, Types>("/in/payments/*.ndjson", kPaymentsInFiles, kPayments)).uid("payments");
  joins<Types>(orders, payments).union_with(windows<Types>(payments)).to(own_sink<FiledRows<Types>>(&life.files)).uid("rows");
}

template <class T>
void write_lines(FileSystem& files, const std::string& folder, std::int64_t count) {
  value_or_throw(files.make_directories(folder));
  for (std::int64_t begin = 0; begin < count; begin += 30) {
    std::string lines;
    for (std::int64_t n = begin; n < begin + 30; ++n) {
      detail::append_json(made<T>(n), lines);
      lines += '\n';
    }
    value_or_throw(replace_file(files, join_path(folder, std::to_string(begin) + ".ndjson"), lines));
  }
}

void write_input(FileSystem& files) {
  write_lines<First::Order>(files, "/in/orders", kOrdersInFiles);
  write_lines<First::Payment>(files, "/in/payments", kPaymentsInFiles);
}

std::vector<std::string> rows_of(TestWorld& world, const JobOutcome&) { return net_rows(world.files, std::string{kOut}); }

}  // namespace

HalvedJob job() {
  return {"deals", kOrders + kPayments, write_input, {build<First>, rows_of}, {build<Next>, rows_of}};
}

}  // namespace tidemark::deals
