// Asks a cluster which partitions a source has, and where in them it starts and stops. Its calls block; one at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "env/file_system.h"
#include "kafka/client.h"
#include "tidemark/detail/kafka/kafka_options.h"

namespace tidemark::detail {

class PartitionFinder {
 public:
  /// `files` outlives this. Connects with the first question.
  PartitionFinder(KafkaSourceOptions options, FileSystem& files) : options_{std::move(options)}, files_{files} {}

  /// In their order. Throws Error.
  std::vector<KafkaPartition> find();
  /// As numbers, in the order of `partitions`. Throws Error.
  std::vector<std::int64_t> look_up(const std::vector<KafkaPartition>& partitions, const KafkaOffsets& offsets);

 private:
  rd_kafka_t* client();
  void add_topic(const std::string& topic, std::vector<KafkaPartition>& found);
  std::vector<KafkaPartition> matching_topics();
  std::vector<std::int64_t> at_time(const std::vector<KafkaPartition>& partitions, std::int64_t time_or_end);
  std::vector<std::optional<std::int64_t>> committed(const std::vector<KafkaPartition>& partitions);
  std::vector<std::int64_t> or_otherwise(const std::vector<KafkaPartition>& partitions, const std::vector<std::optional<std::int64_t>>& known,
                                         const KafkaOffsets& offsets);
  [[noreturn]] void fail(rd_kafka_resp_err_t error, const std::string& what);

  KafkaSourceOptions options_;
  FileSystem& files_;
  std::optional<KafkaClient> client_;
};

/// What a source of these options sets besides the connection's properties.
KafkaProperties consumer_properties(const KafkaSourceOptions& options);

}  // namespace tidemark::detail
