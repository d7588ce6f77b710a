#include "control/http_answer.h"

#include <nlohmann/json.hpp>
#include <string>

namespace tidemark {
namespace {

int status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kNotFound:
      return 404;
    case ErrorCode::kFailedPrecondition:
    case ErrorCode::kAlreadyExists:
      return 409;
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kParse:
    case ErrorCode::kUserCode:
    case ErrorCode::kUnsupportedVersion:
      return 400;
    case ErrorCode::kCancelled:
      return 503;
    case ErrorCode::kTimeout:
      return 504;
    default:
      return 500;
  }
}

}  // namespace

bool is_deeply_nested(std::string_view json) {
  constexpr int kDeepest = 32;
  int depth = 0;
  bool in_text = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (c == '"') in_text = !in_text;
    if (in_text && c == '\\') ++i;
    if (in_text) continue;
    if ((c == '[' || c == '{') && ++depth > kDeepest) return true;
    if (c == ']' || c == '}') --depth;
  }
  return false;
}

HttpResponse refuse(int status, std::string_view why) {
  return answer_with(status, nlohmann::json{{"errors", {std::string{why}}}});
}

HttpResponse refuse_for(const Error& error) { return refuse(status_of(error.code()), error.message()); }

}  // namespace tidemark
