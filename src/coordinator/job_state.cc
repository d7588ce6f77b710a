#include "coordinator/job_state.h"

namespace tidemark {

std::string_view to_string(JobState state) noexcept {
  switch (state) {
    case JobState::kInitializing:
      return "initializing";
    case JobState::kStarting:
      return "starting";
    case JobState::kRunning:
      return "running";
    case JobState::kStopping:
      return "stopping";
    case JobState::kFinishing:
      return "finishing";
    case JobState::kFailing:
      return "failing";
    case JobState::kRestarting:
      return "restarting";
    case JobState::kCancelling:
      return "cancelling";
    case JobState::kFinished:
      return "finished";
    case JobState::kStopped:
      return "stopped";
    case JobState::kFailed:
      return "failed";
    case JobState::kCancelled:
      return "cancelled";
  }
  return "unknown";
}

std::string_view in_flinks_words(JobState state) noexcept {
  switch (state) {
    case JobState::kInitializing:
    case JobState::kStarting:
      return "INITIALIZING";
    case JobState::kRunning:
    case JobState::kStopping:
    case JobState::kFinishing:
      return "RUNNING";
    case JobState::kFailing:
      return "FAILING";
    case JobState::kRestarting:
      return "RESTARTING";
    case JobState::kCancelling:
      return "CANCELLING";
    case JobState::kFinished:
    case JobState::kStopped:
      return "FINISHED";
    case JobState::kFailed:
      return "FAILED";
    case JobState::kCancelled:
      return "CANCELED";
  }
  return "RUNNING";
}

}  // namespace tidemark
