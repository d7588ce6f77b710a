// Enrichment by an asynchronous look-up: each order with the name and country of its customer, which another system
// knows. Eight look-ups are under way at a time, and what was found is kept for ten minutes.
//
//   sample_data data
//   orders_with_customers --orders data/orders.ndjson --customers data/customers --output enriched
#include "tidemark/tidemark.h"

#include <fstream>
#include <thread>

using namespace tidemark;
using namespace std::chrono_literals;

struct Order {
  std::int64_t id;
  std::int64_t customer;
  double amount;
};

struct Customer {
  std::string name;
  std::string country;
};

struct EnrichedOrder {
  std::int64_t id;
  double amount;
  std::optional<std::string> name;
  std::optional<std::string> country;
};

/// Stands for a service in the network, whose answers take a while: a folder with a file "name,country" a customer.
std::optional<Customer> ask(const std::string& customers, std::int64_t id) {
  std::this_thread::sleep_for(2ms);
  std::ifstream file{customers + "/" + std::to_string(id)};
  Customer customer;
  if (!std::getline(file, customer.name, ',') || !std::getline(file, customer.country)) return std::nullopt;
  return customer;
}

int main(int argc, char** argv) {
  Job job{"orders-with-customers", argc, argv};
  const auto orders = job.arg("orders", "data/orders.ndjson", "orders as JSON lines");
  const auto customers = job.arg("customers", "data/customers", "folder with a file for each customer");
  const auto output = job.arg("output", "enriched", "folder for the results");

  job.from(read_files<Order>(orders))
      .uid("orders")
      .lookup_join(&Order::customer)
      .unordered()
      .timeout(10s)
      .retry(exponential_backoff(3, 100ms, 1s))
      .cache(10'000, 10min)
      .from_threads(8, [customers](std::int64_t id) { return ask(customers, id); })
      .left([](const Order& order, const Customer* customer) {
        if (customer == nullptr) return EnrichedOrder{order.id, order.amount, std::nullopt, std::nullopt};
        return EnrichedOrder{order.id, order.amount, customer->name, customer->country};
      })
      .uid("customers")
      .to(write_files(output, as_json()))
      .uid("out");

  return job.run();
}
