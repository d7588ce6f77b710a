#include "control/messages.h"

namespace tidemark {

ErrorReport report_of(const Error& error) {
  return {static_cast<std::uint8_t>(error.code()), static_cast<std::uint8_t>(error.domain()), static_cast<std::uint8_t>(error.retry()), error.message()};
}

Error error_of(const ErrorReport& report) {
  const bool is_known = report.code <= static_cast<std::uint8_t>(ErrorCode::kInternal) &&
                        report.domain <= static_cast<std::uint8_t>(ErrorDomain::kInternal) &&
                        report.retry <= static_cast<std::uint8_t>(Retry::kBackoff);
  if (!is_known) return {ErrorCode::kInternal, report.message};
  return {static_cast<ErrorCode>(report.code), static_cast<ErrorDomain>(report.domain), static_cast<Retry>(report.retry), report.message};
}

}  // namespace tidemark
