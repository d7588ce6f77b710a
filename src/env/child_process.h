// Runs another program to its end and takes what it prints. POSIX; blocks the calling thread; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace tidemark {

/// How a child came to its end.
struct ChildEnd {
  int exit_code = 0;   ///< where it ended by itself
  int signal = 0;      ///< that ended it; 0: none did
  std::string output;  ///< its stdout
};

/// words[0] is the program, looked for in PATH if it has no slash; the others are its arguments. Its stdin is empty and
/// its stderr is ours. kNotFound and kIo if it can't be started; kTimeout if it has not ended in time, and kIo if it
/// prints more than 64 MiB: then it was killed. kIo, too, if the process ignores SIGCHLD: then nobody learns how it ended.
Result<ChildEnd> run_child(const std::vector<std::string>& words, std::int64_t timeout_ms);

}  // namespace tidemark
