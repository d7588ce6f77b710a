// A client of a Kafka cluster: librdkafka's handle with its threads, its log in ours, its errors as Error.
//
// One owner; the handle itself may be used by any thread. Destroying it waits for its threads, which takes milliseconds, and loses what a
// producer has not flushed. Messages, queues and topics of the handle are given back before.
#pragma once

#include <librdkafka/rdkafka.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "kafka/client_config.h"
#include "tidemark/error.h"

namespace tidemark::detail {

class KafkaClient {
 public:
  enum class Kind { kConsumer, kProducer };

  /// Throws Error, such as for a certificate that can't be read. Connects in the background. The opaque of `conf` and its callbacks for
  /// logs and errors are the client's.
  KafkaClient(Kind kind, KafkaConf conf);

  rd_kafka_t* get() const { return handle_.get(); }

  /// kafka_error(), but for a call that waited in vain: then with what the client itself has run into, such as a refused password. Serves the
  /// client's callbacks.
  Error explained(rd_kafka_resp_err_t code, std::string_view what) const;

 private:
  struct Trouble;
  struct Destroy {
    void operator()(rd_kafka_t* handle) const;
  };
  std::shared_ptr<Trouble> trouble_;
  std::unique_ptr<rd_kafka_t, Destroy> handle_;
};

struct DestroyKafkaQueue {
  void operator()(rd_kafka_queue_t* queue) const { rd_kafka_queue_destroy(queue); }
};
using KafkaQueue = std::unique_ptr<rd_kafka_queue_t, DestroyKafkaQueue>;

struct DestroyKafkaPartitions {
  void operator()(rd_kafka_topic_partition_list_t* partitions) const { rd_kafka_topic_partition_list_destroy(partitions); }
};
using KafkaPartitionList = std::unique_ptr<rd_kafka_topic_partition_list_t, DestroyKafkaPartitions>;
inline KafkaPartitionList make_partition_list(int size) { return KafkaPartitionList{rd_kafka_topic_partition_list_new(size)}; }

/// "orders[3]", for messages.
std::string partition_name(std::string_view topic, std::int32_t partition);

/// True if the client goes on trying by itself.
bool may_pass(rd_kafka_resp_err_t code);

/// What failed with `code`: `what`, in words, such as "reading the topics of broker:9092"; `detail` is what librdkafka adds, or
/// empty. Says what to do where the code tells. Whether trying again can help follows from the code.
Error kafka_error(rd_kafka_resp_err_t code, std::string_view what, std::string_view detail = {});
/// Of a call that gives an error object, which this destroys; it is not null.
Error kafka_error(rd_kafka_error_t* error, std::string_view what);

}  // namespace tidemark::detail
