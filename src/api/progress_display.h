// Where progress is shown: a line that is drawn over itself on a terminal, with log lines scrolling above it; log lines now
// and then where stderr is no terminal.
//
// Threads: draw() and the destructor from one, log lines from any. One instance at a time: it takes over the log.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

namespace tidemark {

class ProgressDisplay {
 public:
  ProgressDisplay();
  ~ProgressDisplay();
  ProgressDisplay(const ProgressDisplay&) = delete;
  ProgressDisplay& operator=(const ProgressDisplay&) = delete;

  /// Between two calls of show().
  std::int64_t period_ns() const;
  void show(const std::string& progress);

 private:
  void print_above(std::string_view log_line);

  const bool on_terminal_;
  std::mutex mutex_;
  std::string drawn_;  // guarded by mutex_
};

}  // namespace tidemark
