// What becomes of a saved state under what the job declares: evolution of types, state by state. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "codec/evolution.h"
#include "tidemark/detail/model/checkpoint.h"

namespace tidemark {

/// States of the same name. The conversion is that of a value: keys and namespaces never change. Everything but kind
/// and schemas is left to the caller.
Evolution evolve_state(const StateDescriptor& saved, const StateDescriptor& declared);

/// Two schemas of values as canonical JSON; both may be empty. Refused if the saved one can't be read.
Evolution evolve_schema(std::string_view saved, std::string_view declared);

}  // namespace tidemark
