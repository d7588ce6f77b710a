#include "codec/json_string.h"

#include <cstdint>

namespace tidemark {
namespace {

// The four hex digits of \uXXXX at `at`, or -1.
std::int32_t code_unit(std::string_view text, std::size_t at) {
  if (text.size() < at + 6 || text[at] != '\\' || text[at + 1] != 'u') return -1;
  std::int32_t value = 0;
  for (const char c : text.substr(at + 2, 4)) {
    int digit = 0;
    if (c >= '0' && c <= '9')
      digit = c - '0';
    else if (c >= 'a' && c <= 'f')
      digit = c - 'a' + 10;
    else if (c >= 'A' && c <= 'F')
      digit = c - 'A' + 10;
    else
      return -1;
    value = value * 16 + digit;
  }
  return value;
}

void append_utf8(std::uint32_t code, std::string& out) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xc0 | code >> 6);
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xe0 | code >> 12);
    out += static_cast<char>(0x80 | (code >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else {
    out += static_cast<char>(0xf0 | code >> 18);
    out += static_cast<char>(0x80 | (code >> 12 & 0x3f));
    out += static_cast<char>(0x80 | (code >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  }
}

// Appends the character of the \u escape at `at`, a pair of surrogates being one. Returns its length, 0 if it is
// faulty.
std::size_t append_code_point(std::string_view inner, std::size_t at, std::string& out) {
  const std::int32_t first = code_unit(inner, at);
  if (first < 0 || (first >= 0xdc00 && first < 0xe000)) return 0;
  if (first < 0xd800 || first >= 0xe000) {
    append_utf8(static_cast<std::uint32_t>(first), out);
    return 6;
  }
  const std::int32_t second = code_unit(inner, at + 6);
  if (second < 0xdc00 || second >= 0xe000) return 0;
  append_utf8(
      0x10000 + (static_cast<std::uint32_t>(first - 0xd800) << 10) + static_cast<std::uint32_t>(second - 0xdc00), out);
  return 12;
}

// What a one-letter escape stands for, or 0.
char plain_escape(char c) {
  switch (c) {
    case '"':
    case '\\':
    case '/':
      return c;
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return 0;
  }
}

}  // namespace

std::size_t unescape_json(std::string_view inner, std::string& out) {
  out.clear();
  std::size_t at = 0;
  while (true) {
    const std::size_t escape = inner.find('\\', at);
    out.append(inner.substr(at, escape - at));
    if (escape == std::string_view::npos) return escape;
    const char letter = escape + 1 < inner.size() ? inner[escape + 1] : '\0';
    std::size_t length = 2;
    if (letter == 'u') {
      length = append_code_point(inner, escape, out);
      if (length == 0) return escape;
    } else if (const char plain = plain_escape(letter); plain != 0) {
      out += plain;
    } else {
      return escape;
    }
    at = escape + length;
  }
}

}  // namespace tidemark
