// Requests of HTTP as a fuzzer's input has them: "METHOD PATH?NAME=VALUE&..." in a line, then the body.
#pragma once

#include <string>
#include <string_view>

#include "control/http.h"

namespace tidemark::fuzz {

/// What stands before the next `at`, which is passed over.
inline std::string_view cut(std::string_view& rest, std::string_view at) {
  const std::size_t end = rest.find(at);
  const std::string_view taken = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + at.size());
  return taken;
}

inline HttpRequest request_of(std::string_view block) {
  std::string_view line = cut(block, "\n");
  HttpRequest request{.method = std::string{cut(line, " ")}, .path = std::string{cut(line, "?")}, .query = {}, .body = std::string{block}};
  while (!line.empty()) {
    std::string_view pair = cut(line, "&");
    const std::string name{cut(pair, "=")};
    request.query.insert_or_assign(name, std::string{pair});
  }
  return request;
}

}  // namespace tidemark::fuzz
