// A temporal join: each order at the rate of its currency that held when it was made. Orders from before the first rate
// have none.
//
//   sample_data data
//   orders_in_euros --orders data/orders.ndjson --rates data/rates.ndjson --output euros && cat euros/part-*
#include "tidemark/tidemark.h"

using namespace tidemark;
using namespace std::chrono_literals;

struct Order {
  std::int64_t id;
  std::string currency;
  double amount;
  Timestamp at;
};

struct Rate {
  std::string currency;
  double euros;  // for one of it
  Timestamp at;
};

struct OrderInEuros {
  std::int64_t id;
  std::optional<double> euros;
};

int main(int argc, char** argv) {
  Job job{"orders-in-euros", argc, argv};
  const auto orders_at = job.arg("orders", "data/orders.ndjson", "orders as JSON lines");
  const auto rates_at = job.arg("rates", "data/rates.ndjson", "rates as JSON lines, in the order of their times");
  const auto output = job.arg("output", "euros", "folder for the results");

  const auto orders = job.from(read_files<Order>(orders_at).event_time(&Order::at, out_of_order_by(10s))).uid("orders");
  const auto rates = job.from(read_files<Rate>(rates_at).event_time(&Rate::at)).uid("rates");

  orders.key_by(&Order::currency)
      .join(rates.key_by(&Rate::currency))
      .as_of()
      .left([](const Order& order, const Rate* rate) {
        return OrderInEuros{order.id, rate == nullptr ? std::nullopt : std::optional{order.amount * rate->euros}};
      })
      .uid("in-euros")
      .to(write_files(output, as_json()))
      .uid("out");

  return job.run();
}
