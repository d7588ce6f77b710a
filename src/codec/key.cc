#include "tidemark/detail/codec/key.h"

namespace tidemark::detail {
namespace {

constexpr char kEscapedZero = '\xff';
constexpr char kEnd = '\1';

}  // namespace

std::string_view take_key_text(ByteReader& in, Arena& arena) {
  const std::string_view rest = in.rest();
  std::size_t zeros = 0;
  std::size_t end = 0;  // of the escaped text
  while (true) {
    end = rest.find('\0', end);
    if (end == std::string_view::npos || end + 1 == rest.size()) break;
    if (rest[end + 1] == kEnd) {
      const std::string_view escaped = in.get_bytes(end + 2).substr(0, end);
      if (zeros == 0) return escaped;
      char* const text = arena.allocate(end - zeros);
      char* to = text;
      for (std::size_t i = 0; i < escaped.size(); ++i) {
        *to++ = escaped[i];
        if (escaped[i] == '\0') ++i;
      }
      return {text, end - zeros};
    }
    if (rest[end + 1] != kEscapedZero) break;
    ++zeros;
    end += 2;
  }
  in.fail();
  return {};
}

}  // namespace tidemark::detail
