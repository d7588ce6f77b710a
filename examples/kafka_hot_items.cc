// As hot_items, from a topic of Kafka into another: each result is there once for who reads what is committed.
//
//   kafka_hot_items --brokers localhost:9092 --input bids --output hot-items --checkpoint-dir state --checkpoint-interval 1s
#include "tidemark/kafka.h"
#include "tidemark/tidemark.h"

using namespace tidemark;
using namespace std::chrono_literals;

// A message of the input is such an object as JSON; other fields are passed over.
struct Bid {
  std::int64_t auction;
  Timestamp date_time;
};

struct HotItem {
  Timestamp window_start;
  Timestamp window_end;
  std::int64_t auction;
  std::int64_t bids;
};

int main(int argc, char** argv) {
  Job job{"kafka-hot-items", argc, argv};
  const KafkaConnection kafka{.brokers = job.arg("brokers", "localhost:9092", "some of the cluster's")};
  const auto input = job.arg("input", "bids", "topic of bids as JSON");
  const auto output = job.arg("output", "hot-items", "topic for the results");
  const auto lag = job.arg("lag", 4s, "how far a bid may be behind the newest one of its partition");
  const auto bounded = job.arg("bounded", false, "end with the bids that are there now");

  auto source = read_kafka<Bid>(kafka, input);
  source.event_time(&Bid::date_time, out_of_order_by(lag)).idle_after(10s);
  if (bounded) source.stop_at(KafkaOffsets::latest());

  job.from(source)
      .uid("bids")
      .key_by(&Bid::auction)
      .window(sliding(10s, 2s))
      .aggregate(count())
      .uid("bids-per-auction")
      .window_all(tumbling(2s))
      .aggregate(max_by([](const auto& auction) { return auction.value; }))
      .uid("hottest")
      .map([](const auto& hottest) {
        const auto& winner = hottest.value;
        return HotItem{winner.start, winner.end, winner.key, winner.value};
      })
      .to(kafka_sink<HotItem>(kafka, output).key(&HotItem::auction).delivery_guarantee(DeliveryGuarantee::kExactlyOnce))
      .uid("out");

  return job.run();
}
