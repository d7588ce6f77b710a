// The partitions of one reader: one client, a queue for each of them, and what the group is told.
//
// Calls never wait. Used by the task's thread; the client's threads only post mail, when there is something after there was nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kafka/client.h"
#include "kafka/kafka_split.h"
#include "tidemark/detail/kafka/kafka_options.h"
#include "tidemark/detail/task/operator.h"

namespace tidemark::detail {

struct DestroyKafkaMessage {
  void operator()(rd_kafka_message_t* message) const { rd_kafka_message_destroy(message); }
};
using OwnedKafkaMessage = std::unique_ptr<rd_kafka_message_t, DestroyKafkaMessage>;
using KafkaMessages = std::vector<OwnedKafkaMessage>;

class PartitionConsumer {
 public:
  struct Partition {
    KafkaSplit split;
    std::int64_t position = 0;  ///< of the next message
    bool at_end = false;        ///< the broker has said that there is no more for now
    KafkaQueue queue;           ///< null: everything was read

    KafkaPartition id() const { return {split.topic, split.partition}; }
    bool is_read() const { return split.stop != KafkaSplit::kNoStop && position >= split.stop; }
  };

  /// `context` outlives this.
  PartitionConsumer(KafkaSourceOptions options, const OperatorContext& context);
  ~PartitionConsumer();

  /// Throws Error.
  std::unique_ptr<Partition> open(KafkaSplit split, std::int64_t position);
  void close(Partition& partition);
  /// Up to `most` messages in place of those in `messages`; moves the position behind them. Throws Error for what the client does not mend by itself.
  void fetch(Partition& partition, std::uint32_t most, KafkaMessages& messages);
  /// How many offsets there are behind the position, as far as the client knows.
  std::optional<std::uint64_t> pending(const Partition& partition) const;

  /// Tells the group, if there is one: the next messages to read.
  void commit(const std::map<KafkaPartition, std::int64_t>& positions);
  /// False while it has not heard of a commit.
  bool settled();

 private:
  struct Wake;

  void connect(const KafkaSplit& split);
  OwnedKafkaMessage next_of_client();
  void serve_client();
  void take(Partition& partition, const rd_kafka_message_t& message);
  void wake_by(rd_kafka_queue_t& queue);
  void fail_unless_it_passes(const rd_kafka_message_t& message, const std::string& where) const;
  [[noreturn]] void fail_out_of_range(const Partition& partition) const;

  KafkaSourceOptions options_;
  const OperatorContext& context_;
  std::shared_ptr<Wake> wake_;
  std::size_t commits_in_flight_ = 0;
  std::optional<KafkaClient> client_;
  KafkaQueue main_queue_;
  std::vector<rd_kafka_message_t*> raw_;
};

}  // namespace tidemark::detail
