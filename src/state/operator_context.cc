#include "tidemark/detail/state/operator_context.h"

#include "env/env.h"

namespace tidemark::detail {

Timestamp wall_time(const Env& env) { return Timestamp{env.clock->wall_ms()}; }

}  // namespace tidemark::detail
