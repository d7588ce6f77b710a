// How many files and connections the process may have open. Any thread.
#pragma once

#include <cstdint>

namespace tidemark {

/// Raises the limit as far as the process may by itself; gives what it is then. 0 if the system does not say.
std::uint64_t raise_open_files_limit();

}  // namespace tidemark
