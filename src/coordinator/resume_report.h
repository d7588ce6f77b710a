// What the log says of an attempt that goes on from a checkpoint: one line once it is known how soon its first record was
// processed, and one when the state that was loaded behind is all there.
//
// Pure; one thread. Times are of one steady clock. A line is given once, to be logged.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "tidemark/detail/model/load_event.h"

namespace tidemark {

class ResumeReport {
 public:
  ResumeReport() = default;
  explicit ResumeReport(std::int64_t begin_ns) : begin_ns_{begin_ns} {}

  /// All tasks are open. `from`: "checkpoint 42 in 'state/chk-42-1'".
  std::optional<std::string> running(std::string from);
  /// Those of kLoadsBehind come before running().
  std::optional<std::string> on(const LoadEvent& event, std::int64_t now_ns);

 private:
  std::optional<std::string> resumed();

  std::int64_t begin_ns_ = 0;
  bool is_running_ = false;
  std::string from_;  // empty: told, or not yet running
  std::uint64_t bytes_ = 0;
  std::uint32_t loading_ = 0;  // subtasks
  std::optional<std::int64_t> first_record_ns_;
  std::optional<std::int64_t> loaded_ns_;
};

}  // namespace tidemark
