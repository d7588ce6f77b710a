// What the Kafka source keeps in checkpoints. Plain data.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tidemark::detail {

struct KafkaSplit {
  static constexpr std::uint8_t kVersion = 1;
  static constexpr std::int64_t kNoStop = -1;
  std::uint8_t version = kVersion;
  std::string topic;
  std::int32_t partition = 0;
  std::int64_t start = 0;
  std::int64_t stop = kNoStop;     ///< the first offset that is not read
  std::uint32_t found_with = 1;    ///< how many partitions the source had when this one was found
};

struct KnownPartition {
  std::string topic;
  std::int32_t partition = 0;
};

struct FoundPartitions {
  static constexpr std::uint8_t kVersion = 1;
  std::uint8_t version = kVersion;
  std::vector<KafkaSplit> unassigned;
  std::vector<KnownPartition> known;  ///< all that were ever found
  bool searched = false;
};

}  // namespace tidemark::detail
