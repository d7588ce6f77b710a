// How often each word has come, from one topic of Kafka into another, exactly once.
//
//   tools/testbed kafka --auto-topics             # a topic is made when somebody asks for it
//   kcat -L -b localhost:9092 -t counts
//   kcat -P -b localhost:9092 -t lines            # each line typed is a message
//   kafka_wordcount --checkpoint-dir state --checkpoint-interval 1s
//   kcat -C -b localhost:9092 -t counts -X isolation.level=read_committed
#include "tidemark/kafka.h"
#include "tidemark/tidemark.h"

using namespace tidemark;

struct Line {
  std::string_view text;
};

struct Count {
  std::string word;
  std::int64_t count = 0;
};

class CountWords : public KeyedProcess<std::string, std::string, Count> {
 public:
  explicit CountWords(Declare& declare) : count_{declare, "count"} {}
  void process(const std::string& word, Context&, Out<Count>& out) override {
    count_.set(count_.get() + 1);
    out.emit({word, count_.get()});
  }

 private:
  ValueState<std::int64_t> count_;
};

void split(const Line& line, Out<std::string>& words) {
  constexpr std::string_view kBlanks = " \t\r\n";
  for (std::size_t begin = line.text.find_first_not_of(kBlanks); begin != std::string_view::npos;) {
    const std::size_t end = std::min(line.text.find_first_of(kBlanks, begin), line.text.size());
    words.emit(std::string{line.text.substr(begin, end - begin)});
    begin = line.text.find_first_not_of(kBlanks, end);
  }
}

int main(int argc, char** argv) {
  Job job{"kafka-wordcount", argc, argv};
  const KafkaConnection kafka{.brokers = job.arg("brokers", "localhost:9092", "some of the cluster's, as host:port,host:port")};
  const auto input = job.arg("input", "lines", "topic with lines of text");
  const auto output = job.arg("output", "counts", "topic for the counts");
  const auto until_now = job.arg("until-now", false, "end when what is there now was read");

  auto lines = read_kafka<Line>(kafka, input).format(as_text()).group("kafka-wordcount");
  if (until_now) lines.stop_at(KafkaOffsets::latest());
  job.from(lines)
      .uid("lines")
      .flat_map(split)
      .key_by([](const std::string& word) { return word; })
      .process<CountWords>()
      .uid("counts")
      .to(kafka_sink<Count>(kafka, output).key(&Count::word).delivery_guarantee(DeliveryGuarantee::kExactlyOnce))
      .uid("out");
  return job.run();
}
