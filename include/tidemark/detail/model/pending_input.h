// What a source knows to be there and has not read. Plain data.
#pragma once

#include <cstdint>
#include <optional>

namespace tidemark::detail {

/// Each is nothing where nobody knows.
struct PendingInput {
  std::optional<std::uint64_t> records;
  std::optional<std::uint64_t> bytes;

  /// What is known of both together.
  PendingInput& operator+=(const PendingInput& more) {
    if (more.records) records = records.value_or(0) + *more.records;
    if (more.bytes) bytes = bytes.value_or(0) + *more.bytes;
    return *this;
  }
};

}  // namespace tidemark::detail
