// The code of docs/async.md, word for word but for the blanks at the beginning of lines, with clients that have threads.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "disturbance.h"
#include "page_code.h"
#include "run_job.h"

namespace tidemark {
namespace {

using namespace std::chrono_literals;

struct Order {
  std::int64_t id = 0;
  std::string customer;
  Timestamp at;
};
struct Enriched {
  std::int64_t id = 0;
  std::string profile;
};

struct Reply {
  bool ok;
  std::string text;
};

/// Answers on a thread of its own, by turns the newest request and the oldest. Now and then its answer is that it is busy, but of no
/// customer four times.
class ProfileClient {
 public:
  ~ProfileClient() {
    {
      const std::lock_guard lock{mutex_};
      is_closing_ = true;
    }
    changed_.notify_all();
  }
  void connect(const std::string& address) {
    if (address != "profiles:8080") throw std::runtime_error{"nobody listens at " + address};
    thread_ = std::jthread{[this] { run(); }};
  }
  void get(const std::string& customer, std::function<void(const Reply&)> on_reply) {
    {
      const std::lock_guard lock{mutex_};
      requests_.push_back({customer, std::move(on_reply)});
    }
    changed_.notify_all();
  }

 private:
  struct Request {
    std::string customer;
    std::function<void(const Reply&)> on_reply;
  };

  void run() {
    std::unique_lock lock{mutex_};
    for (int n = 1;; ++n) {
      changed_.wait(lock, [this] { return is_closing_ || !requests_.empty(); });
      if (is_closing_) return;
      const Request request = take(n % 2 == 0);
      lock.unlock();
      const bool is_busy = n % 97 == 0 && ++busy_[request.customer] <= 3;
      request.on_reply(is_busy ? Reply{false, "busy"} : Reply{true, "profile of " + request.customer});
      lock.lock();
    }
  }

  Request take(bool newest) {
    Request request = std::move(newest ? requests_.back() : requests_.front());
    newest ? requests_.pop_back() : requests_.pop_front();
    return request;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_closing_ = false;
  std::deque<Request> requests_;
  std::map<std::string, int> busy_;  // how often, by customer
  std::jthread thread_;
};

class Profiles : public AsyncFunction<Order, Enriched> {
 public:
  Profiles(Declare&, std::string address) : address_{std::move(address)} {}
  void open(OpenContext&) override { client_.connect(address_); }

  void request(const Order& order, AsyncResult<Enriched> result) override {
    client_.get(order.customer, [id = order.id, result](const Reply& reply) {
      if (reply.ok) {
        result.complete({id, reply.text});
      } else {
        result.fail(reply.text);
      }
    });
  }
  std::vector<Enriched> timed_out(const Order& order) override { return {{order.id, "unknown"}}; }

 private:
  std::string address_;
  ProfileClient client_;
};

std::string ask_and_wait(const std::string& customer) {
  if (std::hash<std::thread::id>{}(std::this_thread::get_id()) % 5 == 0) std::this_thread::yield();
  return "profile of " + customer;
}

struct Profile {
  std::string text;
};
std::optional<Profile> find_profile(const std::string& customer) {
  if (customer == "customer 3") return std::nullopt;
  return Profile{"profile of " + customer};
}

Stream<Enriched> ask_profiles(const Stream<Order>& orders) {
  // clang-format off
  return
orders.async()
    .unordered()
    .timeout(2min)
    .capacity(200)
    .retry(exponential_backoff(4, 10ms, 1s))
    .process<Profiles>("profiles:8080")
    .uid("profiles")
  ;
}
Stream<Enriched> call_on_threads(const Stream<Order>& orders) {
  return
orders.async()
    .retry(fixed_delay(3, 10ms).when([](const Error& error) { return error.message() == "busy"; }))
    .map_on_threads(8, [](const Order& order) { return Enriched{order.id, ask_and_wait(order.customer)}; })
    .uid("profiles")
  ;
}
Stream<Enriched> look_up(const Stream<Order>& orders) {
  return
orders.lookup_join(&Order::customer)
    .cache(10'000, 10min)
    .from_threads(8, [](const std::string& customer) -> std::optional<Profile> { return find_profile(customer); })
    .left([](const Order& order, const Profile* profile) { return Enriched{order.id, profile != nullptr ? profile->text : "unknown"}; })
    .uid("with-profiles")
  ;
  // clang-format on
}

constexpr std::int64_t kOrders = 40'000;
constexpr std::int64_t kCustomers = 17;

Order order(std::uint64_t n) {
  const auto number = static_cast<std::int64_t>(n);
  return {number, "customer " + std::to_string(number % kCustomers), Timestamp{number}};
}
std::vector<std::string> expected(bool third_is_unknown) {
  std::vector<std::string> rows;
  for (std::int64_t id = 0; id < kOrders; ++id) {
    const std::string profile = third_is_unknown && id % kCustomers == 3 ? "unknown" : "profile of customer " + std::to_string(id % kCustomers);
    rows.push_back(R"({"id":)" + std::to_string(id) + R"(,"profile":")" + profile + R"("})");
  }
  std::ranges::sort(rows);
  return rows;
}

/// A run that fails in the middle with requests out, and one at another parallelism that goes on from its last checkpoint.
std::vector<std::string> rows_after_a_failure(Stream<Enriched> (*ask)(const Stream<Order>&)) {
  const TemporaryFolder folder;
  const FailOnce<Order> disturbance{folder / "state", kOrders / 10};
  const Build build = [&](Job& job) {
    const auto orders = job.from(generate<Order>(kOrders, order).event_time(&Order::at)).uid("orders").map(disturbance);
    ask(orders).to(write_files(folder / "out", as_json())).uid("out");
  };
  const auto words = [&](const char* parallelism, const char* last) {
    return Words{"--parallelism", parallelism, "--checkpoint-dir", folder / "state", "--checkpoint-interval", "5ms", "-D", "restart-strategy.type=none", last};
  };
  EXPECT_THAT(failure_of(words("2", "-Dworker.threads=2"), build), testing::HasSubstr("once"));
  run_job(words("3", "--resume"), build);
  return rows(folder / "out");
}

TEST(AsyncPage, AClientThatAnswersLater) { EXPECT_EQ(rows_after_a_failure(&ask_profiles), expected(false)); }
TEST(AsyncPage, CallsThatWait) { EXPECT_EQ(rows_after_a_failure(&call_on_threads), expected(false)); }
TEST(AsyncPage, LookUps) { EXPECT_EQ(rows_after_a_failure(&look_up), expected(true)); }

TEST(AsyncPage, ItsCodeIsThatOfThisTest) {
  const std::string code = without_margins(slurp(TIDEMARK_SOURCE_DIR "/tests/pipelines/async_page_test.cc"));
  const std::vector<std::string> snippets = blocks(slurp(TIDEMARK_SOURCE_DIR "/docs/async.md"), "cpp");
  EXPECT_EQ(snippets.size(), 5u);
  for (const std::string& snippet : snippets) EXPECT_THAT(code, testing::HasSubstr(without_margins(snippet)));
}

}  // namespace
}  // namespace tidemark
