#include "tidemark/detail/model/checkpoint.h"

namespace tidemark {

std::string_view to_string(DeclineReason reason) noexcept {
  switch (reason) {
    case DeclineReason::kIo:
      return "input/output";
    case DeclineReason::kAsync:
      return "asynchronous part";
    case DeclineReason::kGeneric:
      return "generic";
    case DeclineReason::kAlignmentAborted:
      return "alignment aborted";
    case DeclineReason::kCancelMarker:
      return "cancel marker";
    case DeclineReason::kNotReady:
      return "not ready";
  }
  return "unknown";
}

}  // namespace tidemark
