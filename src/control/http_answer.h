// The shapes of answers that all endpoints share. Pure, any thread.
#pragma once

#include <string_view>
#include <utility>

#include "control/http.h"
#include "tidemark/error.h"

namespace tidemark {

/// Flink's: {"errors": ["why"]}.
HttpResponse refuse(int status, std::string_view why);
/// With the status that the code stands for: 404 of kNotFound, 409 of kFailedPrecondition and kAlreadyExists, 400 of what the caller can mend,
/// else 500.
HttpResponse refuse_for(const Error& error);

/// Whether it is nested far deeper than any request has a reason to be: code for JSON calls itself for each level.
bool is_deeply_nested(std::string_view json);

/// `Json`: nlohmann's, which no header includes. Names from outside may be no UTF-8.
template <class Json>
HttpResponse answer_with(int status, const Json& body) {
  return {.status = status, .body = body.dump(-1, ' ', false, Json::error_handler_t::replace)};
}

}  // namespace tidemark
