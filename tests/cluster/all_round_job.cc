// The job that the tests of whole clusters run: a bit of everything that can lose or double a record. For each number it writes how
// many of the number's key have come by then, and for each key and window the sum of its numbers; so a record that is lost, or
// counts twice, shows in a file.
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "tidemark/tidemark.h"

namespace {

using namespace tidemark;
using namespace std::chrono_literals;

struct Number {
  std::int64_t key = 0;
  std::int64_t value = 0;
  Timestamp at;
};

struct Seen {
  std::int64_t key = 0;
  std::int64_t count = 0;
};

/// Counts the numbers of a key; a timer tells of keys that were quiet for a while.
class Counter : public KeyedProcess<std::int64_t, Number, Seen> {
 public:
  explicit Counter(Declare& declare) : count_{declare, "count"}, newest_{declare, "newest"} {}

  void process(const Number& number, Context& ctx, Out<Seen>& out) override {
    const std::int64_t* const before = count_.find();
    const std::int64_t count = (before != nullptr ? *before : 0) + 1;
    count_.set(count);
    const Timestamp* const newest = newest_.find();
    if (newest == nullptr || *newest < number.at) newest_.set(number.at);
    ctx.timers().at(number.at + 20s);
    out.emit({number.key, count});
  }

  void on_timer(Timestamp now, Context& ctx, Out<Seen>& out) override {
    const Timestamp* const newest = newest_.find();
    if (newest == nullptr || *newest + 20s != now) return;
    out.emit({ctx.key(), -1});
    newest_.clear();
  }

 private:
  ValueState<std::int64_t> count_;
  ValueState<Timestamp> newest_;
};

// One a millisecond of event time.
Number number(std::uint64_t n, std::int64_t keys) {
  const auto i = static_cast<std::int64_t>(n);
  return {i * 31 % keys, i % 1009, Timestamp{i}};
}

}  // namespace

int main(int argc, char** argv) {
  Job job{"all-round", argc, argv};
  const std::int64_t count = job.arg("count", std::int64_t{60'000}, "numbers");
  const std::int64_t rate = job.arg("rate", std::int64_t{0}, "numbers a second; 0: as many as can be made");
  const std::int64_t keys = job.arg("keys", std::int64_t{97}, "that the numbers have");
  const std::string out = job.arg("out", "out", "folder of the results");
  const std::int64_t crash_at = job.arg("crash-at", std::int64_t{-1}, "of which value a number ends the process; -1: none does");
  job.arg("api-token", "", "nobody's to see");

  auto numbers = job.from(generate<Number>(count, [keys](std::uint64_t n) { return number(n, keys); }).rate(rate).event_time(&Number::at, out_of_order_by(100ms)))
                     .uid("numbers")
                     .map([crash_at](const Number& one) {
                       if (one.value == crash_at) std::abort();
                       return one;
                     });
  numbers.key_by(&Number::key).process<Counter>().uid("counter").to(write_files(out + "/seen", as_json())).uid("seen");
  numbers.key_by(&Number::key)
      .window(sliding(4s, 1s))
      .aggregate(sum(&Number::value))
      .uid("sums")
      .to(write_files(out + "/sums", as_json()))
      .uid("sums-out");
  return job.run();
}
