#include "tidemark/detail/state/operator_context.h"

#include "env/env.h"

namespace tidemark::detail {

Timestamp wall_time(const Env& env) { return Timestamp{env.clock->wall_ms()}; }
std::int64_t steady_time_ns(const Env& env) { return env.clock->steady_ns(); }

}  // namespace tidemark::detail
