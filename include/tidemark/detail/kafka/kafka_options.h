// What a source of Kafka was told. Plain data.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "tidemark/detail/connectors/line_format.h"
#include "tidemark/format.h"
#include "tidemark/kafka_connection.h"
#include "tidemark/kafka_offsets.h"
#include "tidemark/source.h"
#include "tidemark/time.h"

namespace tidemark::detail {

struct KafkaSourceOptions {
  KafkaConnection connection;
  std::vector<std::string> topics;         ///< one of these three is not empty
  std::string pattern;                     ///< of whole names of topics
  std::vector<KafkaPartition> partitions;
  KafkaOffsets start;
  std::optional<KafkaOffsets> stop;        ///< nothing: never
  Duration find_every = std::chrono::minutes{5};  ///< zero: partitions are found once
  std::string group;                       ///< empty: none
  bool read_uncommitted = false;
  bool times_of_messages = false;          ///< they are the event times
  LineFormat format = LineFormat::kJson;
  CsvOptions csv;
  OnError on_error;
};

/// Throws Error for options that can never work.
void check_options(const KafkaSourceOptions& options);

}  // namespace tidemark::detail
