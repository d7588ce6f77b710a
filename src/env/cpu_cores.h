// Which cores a thread may run on, by their numbers. Any thread; each call is about the one that makes it. A thread begins with
// the cores of the one that started it.
#pragma once

#include <vector>

#include "env/file_system.h"

namespace tidemark {

/// As taskset and the container's cpuset left them, in ascending order. Empty if the system does not say.
std::vector<int> cores_of_this_thread();

/// From now on, in place of those so far.
Result<> run_this_thread_on(const std::vector<int>& cores);

/// The same cores in the order to give them to threads: one of each physical core, then those that share one with an earlier
/// one. `files` has the system's /sys; what it lacks counts as a core of its own.
std::vector<int> physical_cores_first(FileSystem& files, std::vector<int> cores);

}  // namespace tidemark
