// How much memory this process may take before the kernel ends it. Any thread.
#pragma once

#include <cstdint>

#include "env/file_system.h"

namespace tidemark {

/// The machine's memory, or the lowest limit of a control group that the process is in (version 1 or 2). The most that can
/// be counted if nothing of it can be read.
std::uint64_t memory_limit_bytes(FileSystem& files);

}  // namespace tidemark
