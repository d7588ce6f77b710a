// Programs that run beside this one for long: started, watched, stopped. An interface, so that tests and simulators have
// programs of their own.
//
// Threads: every call from the owner's; callbacks run as mail of the owner. Ownership: whoever holds a StartedProcess may destroy it
// at any time, in a callback, too: it is killed then, and no callback begins any more. It is destroyed before the owner's
// mailbox and before its Processes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/mailbox.h"
#include "base/result.h"

namespace tidemark {

struct ProcessOrder {
  std::vector<std::string> words;                                ///< [0] is the program's path, the others are its arguments
  std::vector<std::pair<std::string, std::string>> environment;  ///< beside ours, and before it where both have a name
  std::string folder;                                            ///< in which it works; it is there
  std::string log;  ///< file of what it prints, stdout and stderr; its folder is there
};

struct ProcessEnd {
  bool in_order = false;     ///< by itself, with status 0
  bool was_stopped = false;  ///< by stop(), and not by something that came at the same time
  std::string how;           ///< "ended with status 3", "was ended by signal 9 (SIGKILL)", "could not be started: ..."
  std::string last_lines;    ///< of what it printed
};

class StartedProcess {
 public:
  /// Kills it, and what it has started, at once.
  virtual ~StartedProcess() = default;
  /// SIGTERM; SIGKILL for all that it has started and for itself, if it has not ended then.
  virtual void stop(std::int64_t grace_ms) = 0;
};

struct ProcessCallbacks {
  std::move_only_function<void(std::uint32_t pid)> on_started;
  /// Once, last of all; also where it never began. All that it had started has ended.
  std::move_only_function<void(const ProcessEnd& end)> on_ended;
};

class Processes {
 public:
  virtual ~Processes() = default;
  /// Returns at once.
  [[nodiscard]] virtual std::unique_ptr<StartedProcess> start(ProcessOrder order, Mailbox& owner, ProcessCallbacks callbacks) = 0;
};

}  // namespace tidemark
