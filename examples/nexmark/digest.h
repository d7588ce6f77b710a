// Digests of tables: a number that two programs agree on when they made the same rows, in whatever order.
//
// A row's text is its fields joined by |; a table's digest is the wrapping sum over its rows, so that a retracted row
// is subtracted.
#pragma once

#include <charconv>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

#include "nexmark/random.h"

namespace nexmark {

/// FNV-1a, 64 bits.
constexpr std::uint64_t fnv1a(std::string_view bytes) {
  std::uint64_t h = 0xcbf29ce484222325;
  for (const char c : bytes) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return h;
}

/// Builds the text of a row, field by field; keeps its memory from row to row.
class RowText {
 public:
  RowText& clear() {
    text_.clear();
    return *this;
  }
  template <class... Fields>
  RowText& add(const Fields&... fields) {
    (add_field(fields), ...);
    return *this;
  }
  std::string_view view() const { return text_; }

 private:
  void separate() {
    if (!text_.empty()) text_.push_back('|');
  }
  void add_field(std::string_view value) {
    separate();
    text_.append(value);
  }
  void add_field(std::integral auto value) {
    separate();
    char digits[24];
    text_.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
  }
  std::string text_;
};

/// In place of a digest where that would cost more than what is measured: a number of the same fields, made in a few
/// instructions. It tells tables apart that differ by mistake.
class LightRow {
 public:
  template <class... Fields>
  LightRow& add(const Fields&... fields) {
    (add_field(fields), ...);
    return *this;
  }
  std::uint64_t hash() const { return hash_ ^ (hash_ >> 32); }

 private:
  void take(std::uint64_t value) { hash_ = (hash_ ^ value) * 0x9E3779B97F4A7C15; }
  void add_field(std::integral auto value) { take(static_cast<std::uint64_t>(value)); }
  // Of a text its length and both its ends.
  void add_field(std::string_view text) {
    if (text.empty()) return take(0);
    const auto first = static_cast<unsigned char>(text.front()), last = static_cast<unsigned char>(text.back());
    take(text.size() << 16 | static_cast<unsigned>(first) << 8 | last);
  }
  std::uint64_t hash_ = 0xcbf29ce484222325;
};

class TableDigest {
 public:
  void add(std::string_view row) {
    sum_ += mix(fnv1a(row));
    ++rows_;
  }
  void retract(std::string_view row) {
    sum_ -= mix(fnv1a(row));
    --rows_;
  }
  std::int64_t rows() const { return rows_; }
  std::uint64_t value() const { return sum_; }
  /// 16 hexadecimal digits.
  std::string hex() const {
    std::string text(16, '0');
    for (int i = 0; i < 16; ++i) text[i] = "0123456789abcdef"[(sum_ >> (60 - 4 * i)) & 15];
    return text;
  }

 private:
  std::uint64_t sum_ = 0;
  std::int64_t rows_ = 0;
};

/// The row of an event: its letter, then its fields.
template <class Event>
void set_row(RowText& row, const Event& event) {
  const char kind = letter(event);
  row.clear().add(std::string_view{&kind, 1});
  for_each_field(event, [&row](const char*, const auto& value) { row.add(value); });
}

}  // namespace nexmark
