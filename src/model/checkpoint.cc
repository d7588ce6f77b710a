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

std::string_view to_string(StateDescriptor::Kind kind) noexcept {
  switch (kind) {
    case StateDescriptor::Kind::kValue:
      return "value";
    case StateDescriptor::Kind::kList:
      return "list";
    case StateDescriptor::Kind::kMap:
      return "map";
    case StateDescriptor::Kind::kTimers:
      return "timers";
    case StateDescriptor::Kind::kWindow:
      return "window";
    case StateDescriptor::Kind::kSplitList:
      return "split list";
    case StateDescriptor::Kind::kUnionList:
      return "union list";
    case StateDescriptor::Kind::kBroadcast:
      return "broadcast";
  }
  return "unknown";
}

}  // namespace tidemark
