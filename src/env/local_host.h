// This machine in a network: what it calls itself, and under which number others reach it. Any thread.
#pragma once

#include <string>

#include "base/result.h"

namespace tidemark {

/// As the system has it; "localhost" where it has none.
std::string host_name();

/// The number of this machine's from which it would reach "host:port", so at which that one can answer. Nothing is sent, and
/// nobody need be there; waits for the name to be looked up. kNotFound for a name that nobody knows, or to which there is no way.
Result<std::string> host_towards(const std::string& address);

}  // namespace tidemark
