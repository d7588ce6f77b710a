#include "tidemark/detail/operators/guard.h"

#include <fmt/format.h>

#include <utility>

namespace tidemark::detail {

std::string beginning_of(std::string content) {
  constexpr std::size_t kLongest = 200;
  if (content.size() <= kLongest) return content;
  std::size_t end = kLongest;
  while ((static_cast<unsigned char>(content[end]) & 0xC0) == 0x80) --end;  // not within a character
  return content.substr(0, end) + "...";
}

std::string describe_record(std::uint64_t number, std::int64_t timestamp, std::string content) {
  return fmt::format("record {} (event time {}, {})", number, to_string(Timestamp{timestamp}), beginning_of(std::move(content)));
}

}  // namespace tidemark::detail
