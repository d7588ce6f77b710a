// A message of Kafka as a source reads it: for records that are made of more than its value.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "tidemark/time.h"

namespace tidemark {

struct KafkaHeaderView {
  std::string_view name;
  std::optional<std::string_view> value;
};

/// All text is the client's and is valid until the record made of it has passed through the operators up to the next exchange: a record
/// may point into it.
struct KafkaMessage {
  std::string_view topic;
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  Timestamp time;  ///< as the producer gave it, or the broker, if the topic says so; Timestamp::min() without one
  std::optional<std::string_view> key;
  std::optional<std::string_view> value;  ///< nothing: what had this key is deleted (a tombstone)

  /// In the order in which they were written.
  std::vector<KafkaHeaderView> headers() const;
  /// The value of the last one of that name.
  std::optional<std::string_view> header(const char* name) const;

  // The rest is the engine's.

  const void* handle = nullptr;
};

}  // namespace tidemark
