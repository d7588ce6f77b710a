// Events as JSON lines. No text of the generator holds a character that JSON would escape.
#pragma once

#include <charconv>
#include <concepts>
#include <string>
#include <string_view>

#include "nexmark/events.h"

namespace nexmark {

/// Appends {"type":"bid","auction":1004,...} and a newline.
template <class Event>
void append_json_line(std::string& out, const Event& event) {
  out.append(R"({"type":")").append(type_name(event)).push_back('"');
  for_each_field(event, [&out](std::string_view name, const auto& value) {
    out.append(",\"").append(name).append("\":");
    if constexpr (std::integral<std::decay_t<decltype(value)>>) {
      char digits[24];
      out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
    } else {
      out.push_back('"');
      out.append(value);
      out.push_back('"');
    }
  });
  out.append("}\n");
}

}  // namespace nexmark
