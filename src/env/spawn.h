// How another program is started: in a process group of its own, with what it inherits said and no more. POSIX; any thread,
// also where others run.
//
// A child dies with the thread that starts it, by SIGKILL: whoever watches children stays. Its own children are in its
// group, which kill_and_reap() ends with it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace tidemark {

struct SpawnOrder {
  std::vector<std::string> words;  ///< [0] is the program, looked for in PATH if it has no slash; the others are its arguments
  std::vector<std::pair<std::string, std::string>> environment;  ///< beside ours, and before it where both have a name
  std::string folder;                                            ///< in which it works; empty: ours
  int output = -1;                                               ///< descriptor that becomes its stdout; -1: ours
  int errors = -1;                                               ///< likewise its stderr
  std::uint64_t memory_bytes = 0;                                ///< of address space; 0: no limit but ours
  std::int64_t cpu_s = 0;  ///< of computing, beyond which it gets SIGXCPU; 0: no limit but ours
};

/// Its stdin is empty, and all other descriptors of ours are closed. kNotFound and kIo say why it could not be started.
Result<pid_t> spawn(const SpawnOrder& order);

/// How a process ended.
struct ExitReason {
  int exit_code = 0;  ///< where it ended by itself
  int signal = 0;     ///< that ended it; 0: none did
};
/// "ended with status 3", "was ended by signal 9 (SIGKILL)".
std::string to_string(const ExitReason& reason);

enum class ChildState {
  kRuns,
  kHasEnded,  ///< and nobody has asked yet how
  kUnknown,   ///< the system does not keep how children end: the process ignores SIGCHLD
};
ChildState state_of_child(pid_t pid);
/// Ends it and all of its group, if need be, and waits for it.
ExitReason kill_and_reap(pid_t pid);

}  // namespace tidemark
