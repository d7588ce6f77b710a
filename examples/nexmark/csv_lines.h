// Events as lines of CSV, without a header. No text of the generator holds a comma, a quote or the end of a line.
#pragma once

#include <charconv>
#include <concepts>
#include <string>
#include <string_view>

#include "nexmark/events.h"

namespace nexmark {

/// Appends the event's fields in their order, and a newline.
template <class Event>
void append_csv_line(std::string& out, const Event& event) {
  for_each_field(event, [&out](std::string_view, const auto& value) {
    if constexpr (std::integral<std::decay_t<decltype(value)>>) {
      char digits[24];
      out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
    } else {
      out.append(value);
    }
    out.push_back(',');
  });
  out.back() = '\n';
}

}  // namespace nexmark
