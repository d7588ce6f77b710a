// Runs another program to its end and takes what it prints. POSIX; blocks the calling thread; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace tidemark {

/// What a child has beside its words.
struct ChildSettings {
  std::vector<std::pair<std::string, std::string>> environment;  ///< beside ours, and before it where both have a name
  std::uint64_t memory_bytes = 0;                                ///< of address space; 0: no limit but ours
  std::int64_t cpu_s = 0;    ///< of computing, beyond which it is ended by SIGXCPU; 0: no limit but ours
  bool keep_errors = false;  ///< its stderr goes into the answer, and not to ours
};

/// How a child came to its end.
struct ChildEnd {
  int exit_code = 0;   ///< where it ended by itself
  int signal = 0;      ///< that ended it; 0: none did
  std::string output;  ///< its stdout
  std::string errors;  ///< the last 64 KiB of its stderr, if they were asked for
};

/// words[0] is the program, looked for in PATH if it has no slash; the others are its arguments. Its stdin is empty, and
/// its stderr is ours. It leads a process group: what it has started ends with it, and it ends with us. kNotFound and kIo if
/// it can't be started; kTimeout if it has not ended in time, and kIo if it prints more than 64 MiB: then it was killed. kIo,
/// too, if this process ignores SIGCHLD: then nobody learns how it ended.
Result<ChildEnd> run_child(const std::vector<std::string>& words, std::int64_t timeout_ms, const ChildSettings& settings = {});

}  // namespace tidemark
