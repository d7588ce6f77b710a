// While one lives, what the engine has to say goes into the trace. One thread.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "base/log.h"
#include "sim/trace.h"

namespace tidemark {

class LogInTrace {
 public:
  explicit LogInTrace(Trace& trace) {
    set_log_sink([&trace](std::string_view line) {
      const std::string_view text = line.substr(std::min(kTimestamp, line.size()));
      trace.note(detail::hash_bytes(text), [text] { return fmt::format("    log: {}", text); });
    });
  }
  ~LogInTrace() { set_log_sink({}); }
  LogInTrace(const LogInTrace&) = delete;
  LogInTrace& operator=(const LogInTrace&) = delete;

 private:
  static constexpr std::size_t kTimestamp = 24;  // of the real clock: no part of the trace
};

}  // namespace tidemark
