// How a line, or a message, holds a record.
#pragma once

#include <cstdint>

namespace tidemark::detail {

enum class LineFormat : std::uint8_t {
  kJson,  ///< an object
  kCsv,   ///< the columns of a record
  kText,  ///< the only field of the record
};

}  // namespace tidemark::detail
