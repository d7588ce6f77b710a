// The log: one line for one event, "2026-11-21 09:00:00.123 INFO resumed from chk-42", in UTC, to stderr.
//
// Threads: any; lines are whole and in one order. Below the level a call costs one load and its message: guard a costly
// message with log_enabled(). The log lives until the process ends.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace tidemark {

enum class LogLevel {
  kDebug,    ///< for whoever looks for a fault
  kInfo,     ///< what a user wants to know once: started, resumed, checkpoint kept
  kWarning,  ///< something failed and the job goes on
  kError,    ///< something failed and the job does not go on as it was
};

/// Lines below `level` are dropped. kInfo at the start.
void set_log_level(LogLevel level) noexcept;
bool log_enabled(LogLevel level) noexcept;

void log(LogLevel level, std::string_view message);
inline void log_debug(std::string_view message) { log(LogLevel::kDebug, message); }
inline void log_info(std::string_view message) { log(LogLevel::kInfo, message); }
inline void log_warning(std::string_view message) { log(LogLevel::kWarning, message); }
inline void log_error(std::string_view message) { log(LogLevel::kError, message); }

/// Whom lines are about: "[orders-3-w1] " stands before their messages from then on. Of the process; empty: nothing stands there.
void set_log_origin(std::string origin);

/// The same for the lines of this thread, in place of the process's, as long as it lives.
class LogOrigin {
 public:
  /// `origin` outlives it.
  explicit LogOrigin(std::string_view origin) noexcept;
  ~LogOrigin();
  LogOrigin(const LogOrigin&) = delete;
  LogOrigin& operator=(const LogOrigin&) = delete;

 private:
  const std::string_view before_;
};

/// The newest lines of the process, up to 256 KiB of them, each with its end.
std::string recent_log();

/// Takes each line, without its end, in place of stderr, so that a progress line can be cleared before and drawn again
/// after. One call at a time; it must not log. An empty function gives stderr back. After return the old sink is not
/// called again.
using LogSink = std::function<void(std::string_view line)>;
void set_log_sink(LogSink sink);

}  // namespace tidemark
