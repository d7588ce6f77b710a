#include "tidemark/detail/codec/text_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <iterator>

namespace tidemark::detail {
namespace {

constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

bool needs_escape(char c) { return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\'; }

void append_escape(char c, std::string& out) {
  static constexpr char kHex[] = "0123456789abcdef";
  switch (c) {
    case '"':
    case '\\':
      out += '\\';
      out += c;
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      out += "\\u00";
      out += kHex[static_cast<unsigned char>(c) >> 4];
      out += kHex[c & 15];
  }
}

}  // namespace

void append_json_string(std::string_view text, std::string& out) {
  out += '"';
  const char* plain = text.data();
  const char* const end = plain + text.size();
  for (const char* at = plain; at != end; ++at) {
    if (!needs_escape(*at)) [[likely]]
      continue;
    out.append(plain, at);
    append_escape(*at, out);
    plain = at + 1;
  }
  out.append(plain, end);
  out += '"';
}

void append_csv_text(std::string_view text, char delimiter, std::string& out) {
  const auto has = [&](char c) { return text.find(c) != std::string_view::npos; };
  const auto is_blank = [](char c) { return c == ' ' || c == '\t'; };
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";  // which readers take off the beginning of a file
  const bool quoted = text.empty() || text.starts_with(kByteOrderMark) || is_blank(text.front()) || is_blank(text.back()) || has(delimiter) || has('"') ||
                      has('\n') || has('\r');
  if (!quoted) {
    out += text;
    return;
  }
  out += '"';
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

void append_base64(std::string_view bytes, std::string& out) {
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const auto byte = [&](std::size_t j) {
      return i + j < bytes.size() ? std::uint32_t{static_cast<unsigned char>(bytes[i + j])} : 0u;
    };
    const std::uint32_t bits = byte(0) << 16 | byte(1) << 8 | byte(2);
    const std::size_t digits = std::min<std::size_t>(bytes.size() - i, 3) + 1;
    for (std::size_t d = 0; d < 4; ++d) out += d < digits ? kBase64[bits >> (18 - 6 * d) & 63] : '=';
  }
}

void append_date(std::int64_t days, std::string& out) {
  // The calendar repeats every 400 years; std::chrono's has 16 bits for a year.
  constexpr std::int64_t kCycleDays = 146'097;
  const std::int64_t cycles = days / kCycleDays;
  const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{days % kCycleDays}}};
  fmt::format_to(std::back_inserter(out), "{:04}-{:02}-{:02}", static_cast<int>(date.year()) + cycles * 400,
                 static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
}

}  // namespace tidemark::detail
