// Reading canonical schemas back. Pure; any thread.
#pragma once

#include <string_view>

#include "base/result.h"
#include "tidemark/detail/codec/type.h"

namespace tidemark {

/// The type that schema_json() made `json` of. kDataLoss, with the place, for anything else; nesting is limited to 64.
Result<Type> parse_schema(std::string_view json);

}  // namespace tidemark
