#include "tidemark/detail/operators/guard.h"

#include <fmt/format.h>

namespace tidemark::detail {

std::string describe_record(std::uint64_t number, std::int64_t timestamp, std::string content) {
  constexpr std::size_t kLongest = 200;
  if (content.size() > kLongest) {
    std::size_t end = kLongest;
    while ((static_cast<unsigned char>(content[end]) & 0xC0) == 0x80) --end;  // not within a character
    content = content.substr(0, end) + "...";
  }
  return fmt::format("record {} (event time {}, {})", number, to_string(Timestamp{timestamp}), content);
}

}  // namespace tidemark::detail
