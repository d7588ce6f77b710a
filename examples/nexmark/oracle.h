// The answers of Nexmark's sixteen queries without an engine: plain containers, a query a function, everything in memory.
// What a job's results are compared with.
//
// Tables are final ones, at the end of the input: nothing is late, all windows have fired.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "nexmark/digest.h"
#include "nexmark/generator.h"

namespace nexmark {

/// "q0", "q1", ...
std::span<const std::string_view> query_names();

/// Of the query's table over the first `events` events. Throws std::invalid_argument for a name that is none of these.
TableDigest oracle(std::string_view query, const Generator& generator, std::uint64_t events);

}  // namespace nexmark
