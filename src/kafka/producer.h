// A producer: sends messages, and knows what could not be delivered. One thread at a time.
#pragma once

#include <librdkafka/rdkafka.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "kafka/client.h"
#include "tidemark/detail/kafka/kafka_sink.h"
#include "tidemark/error.h"

namespace tidemark::detail {

struct DestroyKafkaTopic {
  void operator()(rd_kafka_topic_t* topic) const { rd_kafka_topic_destroy(topic); }
};
using KafkaTopic = std::unique_ptr<rd_kafka_topic_t, DestroyKafkaTopic>;

class KafkaProducer {
 public:
  /// `own` are properties that count above the connection's.
  KafkaProducer(const KafkaConnection& connection, const KafkaProperties& own);

  /// Takes the message, to `topic` unless it says another. Waits while the queue is full. Throws the first failure, of this one or of
  /// those before it.
  void produce(const OutgoingMessage& message, const std::string& topic);
  /// Returns when all is delivered; throws the first failure. How long that may take is message.timeout.ms.
  void flush();

  /// The first message that could not be delivered since it was last asked, as an error with topic, partition and the broker's words.
  std::optional<Error> take_failure();

  rd_kafka_t* get() const { return client_->get(); }

 private:
  static void on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque);
  rd_kafka_topic_t* topic_of(const std::string& name);
  void throw_failure();
  [[noreturn]] void fail_for_good(rd_kafka_error_t* error, const std::string& topic);

  std::unique_ptr<std::optional<Error>> failure_;  // the callback's, so it stays where it is
  std::optional<KafkaClient> client_;
  std::unordered_map<std::string, KafkaTopic> topics_;  // given back before the client
  std::uint32_t unpolled_ = 0;
};

/// The largest message that a producer of this connection takes, in bytes as message_bytes() counts them.
std::uint64_t most_message_bytes(const KafkaConnection& connection);
/// Key, value and headers with what Kafka adds to a message that is alone in its batch, at most: what limits of producers and topics count.
std::uint64_t message_bytes(const OutgoingMessage& message);
/// Throws Error for one that is larger.
void check_size(const OutgoingMessage& message, const std::string& topic, std::uint64_t most);

}  // namespace tidemark::detail
