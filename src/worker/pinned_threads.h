// Threads that keep to a core each, for `worker.cpu-pinning`: then no task moves to another core, whose caches know nothing of
// it. Off by default, as whoever else uses the machine doesn't know: a thread then waits for its core while another is free.
#pragma once

#include <cstddef>
#include <vector>

#include "worker/threaded_execution.h"

namespace tidemark {

/// Whether so many threads can have a core each of those that the process may use; an error says what to change.
Result<> require_core_each(std::size_t threads, std::size_t cores);

/// Makes each thread on the next one of `cores`, which is not empty, and after the last begins again.
MakeThread make_pinned_threads(std::vector<int> cores);

}  // namespace tidemark
