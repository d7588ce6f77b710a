// The job that the tests of the sink kill: for each number it writes how many of the number's key have come by then, so a number that is
// lost, or counts twice, shows in the topic.
#include <chrono>
#include <cstdint>
#include <string>

#include "tidemark/kafka.h"
#include "tidemark/tidemark.h"

namespace {

using namespace tidemark;

struct Number {
  std::int64_t key = 0;
};

struct Seen {
  std::int64_t key = 0;
  std::int64_t count = 0;
};

class Counter : public KeyedProcess<std::int64_t, Number, Seen> {
 public:
  explicit Counter(Declare& declare) : count_{declare, "count"} {}

  void process(const Number& number, Context&, Out<Seen>& out) override {
    count_.set(count_.get() + 1);
    out.emit({number.key, count_.get()});
  }

 private:
  ValueState<std::int64_t> count_;
};

}  // namespace

int main(int argc, char** argv) {
  Job job{"kafka-sink-test", argc, argv};
  const std::int64_t count = job.arg("count", std::int64_t{200'000}, "numbers");
  const std::int64_t rate = job.arg("rate", std::int64_t{0}, "numbers a second; 0: as many as can be made");
  const std::int64_t keys = job.arg("keys", std::int64_t{20}, "that the numbers have");
  const std::string brokers = job.arg("brokers", "localhost:9092", "of the cluster");
  const std::string topic = job.arg("topic", "seen", "to write to");
  const std::string prefix = job.arg("prefix", "", "of transactional ids");

  job.from(generate<Number>(count, [keys](std::uint64_t n) { return Number{static_cast<std::int64_t>(n) % keys}; }).rate(rate))
      .uid("numbers")
      .key_by(&Number::key)
      .process<Counter>()
      .uid("counter")
      .to(kafka_sink<Seen>({.brokers = brokers}, topic)
              .key(&Seen::key)
              .value([](const Seen& seen) { return std::to_string(seen.key) + ":" + std::to_string(seen.count); })
              .delivery_guarantee(DeliveryGuarantee::kExactlyOnce)
              .transactional_id_prefix(prefix))
      .uid("seen");
  return job.run();
}
