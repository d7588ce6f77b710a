// What a field has in state that was saved before the field existed. Pure; any thread.
#pragma once

#include <string>

#include "base/result.h"
#include "tidemark/detail/codec/type.h"

namespace tidemark {

/// The field's default in the binary encoding or, where it declares none, the zero or empty value of its type.
/// kInvalidArgument if the default is none of the type's, or too large to be put into every entry.
Result<std::string> encode_default(const TypeField& field);

}  // namespace tidemark
