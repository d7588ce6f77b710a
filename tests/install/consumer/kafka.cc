// A user of the component kafka.
#include <tidemark/kafka.h>
#include <tidemark/tidemark.h>

using namespace tidemark;

struct Click {
  std::int64_t user = 0;
};

int main(int argc, char** argv) {
  Job job{"kafka", argc, argv};
  const KafkaConnection kafka{.brokers = "localhost:9092"};
  job.from(read_kafka<Click>(kafka, "clicks")).uid("clicks").to(kafka_sink<Click>(kafka, "copies"));
  return job.run();
}
