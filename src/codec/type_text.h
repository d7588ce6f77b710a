// A type in a few words, for messages and verdicts: "optional<int64>", "struct {owner: string, limit: int64}". Not to
// be read back. Pure; any thread.
#pragma once

#include <string>

#include "tidemark/detail/codec/type.h"

namespace tidemark {

std::string type_text(const Type& type);

/// The field's default as the schema says it, or its type's zero: "100", "\"\"", "none", "empty".
std::string default_text(const TypeField& field);

}  // namespace tidemark
