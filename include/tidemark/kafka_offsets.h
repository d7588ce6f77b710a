// Places in the partitions of topics: where a source starts and, if it is to end, where it stops.
//
// Plain values: any thread. They are looked up once, when the source finds a partition, and are numbers in checkpoints from then on.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "tidemark/time.h"

namespace tidemark {

struct KafkaPartition {
  std::string topic;
  std::int32_t number = 0;

  auto operator<=>(const KafkaPartition&) const = default;
};

struct KafkaOffsets {
  enum class At : std::uint8_t {
    kEarliest,   ///< the first message that is there
    kLatest,     ///< behind the last one; of those committed, unless the source is to see others, too
    kTime,       ///< the first message of `time` or later; behind the last one, where there is none
    kCommitted,  ///< what the source's group() has committed
    kGiven,      ///< as `given` says
  };
  /// Of a partition whose group has committed nothing, or that is not given.
  enum class Otherwise : std::uint8_t { kFail, kEarliest, kLatest };

  At at = At::kEarliest;
  Timestamp time{};
  std::map<KafkaPartition, std::int64_t> given{};  ///< the next message to read; to stop at: the first one not to read
  Otherwise otherwise = Otherwise::kFail;

  static KafkaOffsets earliest() { return {.at = At::kEarliest}; }
  static KafkaOffsets latest() { return {.at = At::kLatest}; }
  static KafkaOffsets from_time(Timestamp time) { return {.at = At::kTime, .time = time}; }
  static KafkaOffsets committed(Otherwise otherwise = Otherwise::kFail) { return {.at = At::kCommitted, .otherwise = otherwise}; }
  static KafkaOffsets these(std::map<KafkaPartition, std::int64_t> given, Otherwise otherwise = Otherwise::kFail) {
    return {.at = At::kGiven, .given = std::move(given), .otherwise = otherwise};
  }
};

}  // namespace tidemark
