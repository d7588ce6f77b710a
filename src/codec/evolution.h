// What becomes of saved values when their type has changed: nothing to do, a conversion, or a refusal that says which
// field, from what to what, and what to do. Decided by two schemas alone, before any value is read. Pure; any thread.
//
// Fields and alternatives are matched by name. A declared one takes the saved one of its own name, else the one of a
// former name (alias). Where that leaves a choice it is refused: a field that could take two saved ones, a saved one
// that two could take. A former name that the saved field of this name already knew has had its effect and is not
// looked at. Differences of aliases and defaults alone are none.
//
// Allowed: fields added (with their default), removed, reordered, renamed; integers and floats widened, unsigned ones
// also to a wider signed one; T to optional<T>; enumerators added, or renumbered where they keep their names;
// alternatives added, reordered, or named; the same within optionals, lists, arrays, variants, values of maps.
// Refused: narrowing, a lost sign, other kinds, other units and sizes, enumerators and alternatives that are gone, and
// whatever changes the encoding of a key.
#pragma once

#include <string>
#include <vector>

#include "codec/conversion.h"
#include "tidemark/detail/codec/type.h"

namespace tidemark {

struct Evolution {
  enum class Kind {
    kSame,      ///< the same type
    kMigrates,  ///< another one, that saved values can be made into
    kRefused,   ///< another one, that they can't
  };
  Kind kind = Kind::kSame;
  std::vector<std::string> steps;     ///< what changes, field by field: "count: int32 -> int64 (widened)"
  std::vector<std::string> refusals;  ///< of kRefused: every reason, likewise, with what to do
  Conversion conversion;              ///< of the others
};

/// Of values.
Evolution evolve(const Type& saved, const Type& declared);

/// Of keys and namespaces: kSame, also where only fields were renamed, or kRefused.
Evolution evolve_key(const Type& saved, const Type& declared);

}  // namespace tidemark
