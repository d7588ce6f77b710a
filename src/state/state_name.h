// What a state of an operator may be called. Pure.
#pragma once

#include <string>

namespace tidemark::detail {

/// Throws Error for a name that no state may have, or that is taken.
void check_state_name(const std::string& name, bool taken);

}  // namespace tidemark::detail
