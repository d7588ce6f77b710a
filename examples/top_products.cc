// The three products of which most was sold, for each hour.
//
//   sample_data data
//   top_products --input data/orders.ndjson --output top && cat top/part-*
#include "tidemark/tidemark.h"

using namespace tidemark;
using namespace std::chrono_literals;

struct Order {
  std::string product;
  std::int64_t quantity;
  Timestamp at;
};

struct Rank {
  Timestamp hour;
  std::int64_t rank;
  std::string product;
  std::int64_t sold;
};

int main(int argc, char** argv) {
  Job job{"top-products", argc, argv};
  const auto input = job.arg("input", "data/orders.ndjson", "orders as JSON lines");
  const auto output = job.arg("output", "top", "folder for the results");
  const auto ranks = job.arg("ranks", 3, "how many products of each hour");

  const auto sold = job.from(read_files<Order>(input).event_time(&Order::at, out_of_order_by(10s)))
                        .uid("orders")
                        .key_by(&Order::product)
                        .window(tumbling(1h))
                        .aggregate(sum(&Order::quantity))
                        .uid("sold");

  // The sums of an hour have its last millisecond as their time, so they meet again in a window of the same hour.
  using Sold = decltype(sold)::Record;
  sold.window_all(tumbling(1h))
      .aggregate(top(static_cast<std::size_t>(ranks), &Sold::value))
      .uid("top")
      .flat_map<Rank>([](const auto& hour, Out<Rank>& out) {
        std::int64_t rank = 0;
        for (const Sold& product : hour.value) out.emit({hour.start, ++rank, product.key, product.value});
      })
      .to(write_files(output, as_json()))
      .uid("out");

  return job.run();
}
