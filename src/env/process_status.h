// What the system says of this process and its threads, and of others, from /proc. Any thread; what can't be read is 0 or empty.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "env/file_system.h"

namespace tidemark {

/// Memory is what is in the machine's, not what is only addressed.
struct ProcessStatus {
  std::uint64_t resident_bytes = 0;  ///< all of it, of which
  std::uint64_t file_bytes = 0;      ///< of mapped files: code, libraries
  std::uint64_t shared_bytes = 0;    ///< shared with other processes
  std::int64_t cpu_ms = 0;           ///< of all threads
  std::uint64_t threads = 0;
  std::uint64_t open_files = 0;
};
ProcessStatus status_of_this_process(FileSystem& files);

/// What another process has that can't be read back from files: the machine runs out of it.
std::uint64_t unreclaimable_bytes_of(FileSystem& files, std::uint32_t pid);

/// What the allocator has and nobody uses: it may lie in the machine's memory.
std::uint64_t free_allocator_bytes();

struct ThreadStatus {
  std::uint32_t id = 0;
  std::string name;
  char state = '?';        ///< the system's letter: R runs, S sleeps, D waits for a disk
  std::int64_t cpu_ms = 0;
  std::string waits_in;    ///< the function of the kernel, if it says: "futex_wait_queue"
  std::uint64_t blocked_signals = 0;  ///< signal n is bit n - 1
};
/// By their numbers.
std::vector<ThreadStatus> threads_of_this_process(FileSystem& files);

}  // namespace tidemark
