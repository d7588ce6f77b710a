#include "tidemark/detail/operators/guard.h"

#include <fmt/format.h>

namespace tidemark::detail {

std::string describe_record(std::uint64_t number, std::int64_t timestamp, std::string content) {
  constexpr std::size_t kLongest = 200;
  if (content.size() > kLongest) content = content.substr(0, kLongest) + "...";
  return fmt::format("record {} (event time {}, {})", number, to_string(Timestamp{timestamp}), content);
}

}  // namespace tidemark::detail
