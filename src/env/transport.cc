#include "env/transport.h"

namespace tidemark {

std::string_view to_string(CloseCause cause) noexcept {
  switch (cause) {
    case CloseCause::kClosedHere:
      return "closed here";
    case CloseCause::kClosedByPeer:
      return "closed by peer";
    case CloseCause::kLost:
      return "lost";
    case CloseCause::kSilent:
      return "silent";
    case CloseCause::kUnreachable:
      return "unreachable";
    case CloseCause::kTimedOut:
      return "timed out";
    case CloseCause::kGarbage:
      return "garbage";
    case CloseCause::kDamaged:
      return "damaged";
    case CloseCause::kTooLarge:
      return "too large";
    case CloseCause::kWrongVersion:
      return "wrong version";
    case CloseCause::kNotTrusted:
      return "not trusted";
    case CloseCause::kTooManyConnections:
      return "too many connections";
  }
  return "unknown";
}

Error failure_of(const Closed& closed) {
  const bool is_lasting =
      closed.cause == CloseCause::kWrongVersion || closed.cause == CloseCause::kNotTrusted || closed.cause == CloseCause::kTooLarge;
  return {ErrorCode::kIo, ErrorDomain::kExternal, is_lasting ? Retry::kNone : Retry::kRestart, closed.error.message()};
}

}  // namespace tidemark
