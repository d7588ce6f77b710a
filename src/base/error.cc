#include "tidemark/error.h"

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "tidemark/detail/base/check.h"

namespace tidemark {
namespace {

struct Rule {
  std::string_view name;
  ErrorDomain domain;
  Retry retry;
};

Rule rule_of(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::kInvalidArgument: return {"invalid argument", ErrorDomain::kUser, Retry::kNone};
    case ErrorCode::kParse: return {"parse error", ErrorDomain::kUser, Retry::kNone};
    case ErrorCode::kNotFound: return {"not found", ErrorDomain::kExternal, Retry::kNone};
    case ErrorCode::kAlreadyExists: return {"already exists", ErrorDomain::kExternal, Retry::kNone};
    case ErrorCode::kPermissionDenied: return {"permission denied", ErrorDomain::kExternal, Retry::kNone};
    case ErrorCode::kResourceExhausted: return {"resource exhausted", ErrorDomain::kExternal, Retry::kBackoff};
    case ErrorCode::kIo: return {"input/output error", ErrorDomain::kExternal, Retry::kRestart};
    case ErrorCode::kDataLoss: return {"data loss", ErrorDomain::kExternal, Retry::kNone};
    case ErrorCode::kUnsupportedVersion: return {"unsupported version", ErrorDomain::kUser, Retry::kNone};
    case ErrorCode::kFailedPrecondition: return {"failed precondition", ErrorDomain::kUser, Retry::kNone};
    case ErrorCode::kUserCode: return {"user code", ErrorDomain::kUser, Retry::kRestart};
    case ErrorCode::kCancelled: return {"cancelled", ErrorDomain::kUser, Retry::kNone};
    case ErrorCode::kTimeout: return {"timeout", ErrorDomain::kExternal, Retry::kRestart};
    case ErrorCode::kInternal: return {"internal error", ErrorDomain::kInternal, Retry::kRestart};
  }
  return {"unknown", ErrorDomain::kInternal, Retry::kNone};
}

}  // namespace

Error::Error(ErrorCode code, std::string message) : Error{code, rule_of(code).domain, rule_of(code).retry, std::move(message)} {}

Error::Error(ErrorCode code, ErrorDomain domain, Retry retry, std::string message)
    : message_{std::make_shared<const std::string>(std::move(message))}, code_{code}, domain_{domain}, retry_{retry} {}

Error Error::within(std::string_view context) const {
  std::string message{context};
  message += ": ";
  message += *message_;
  return Error{code_, domain_, retry_, std::move(message)};
}

std::string_view to_string(ErrorCode code) noexcept { return rule_of(code).name; }

namespace detail {

void check_failed(const char* file, int line, const char* condition, const char* message) noexcept {
  std::fprintf(stderr, "%s:%d: check failed: %s: %s\nThis is a fault of Tidemark; please report it with this line.\n", file,
               line, condition, message);
  std::fflush(stderr);
  std::abort();
}

}  // namespace detail
}  // namespace tidemark
