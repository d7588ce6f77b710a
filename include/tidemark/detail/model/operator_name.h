// Which operator, for messages and for file names. Plain data.
#pragma once

#include <cstdint>
#include <string>

namespace tidemark::detail {

struct OperatorName {
  std::string name;  ///< "keyed process"
  std::string uid;   ///< may be empty where nothing is kept
  std::uint32_t subtask = 0;
};

}  // namespace tidemark::detail
