// A value in messages.
#pragma once

#include <cstddef>
#include <string>

#include "tidemark/detail/codec/json_encode.h"

namespace tidemark::detail {

/// As JSON, cut where it gets long.
template <class Value>
std::string json_of(const Value& value) {
  constexpr std::size_t kMost = 200;
  std::string json;
  append_json(value, json);
  if (json.size() > kMost) json.replace(kMost, std::string::npos, "...");
  return json;
}

}  // namespace tidemark::detail
