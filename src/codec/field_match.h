// Which saved field (or alternative) each declared one takes, by name and former names. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tidemark/detail/codec/type.h"

namespace tidemark {

struct FieldMatch {
  std::vector<std::optional<std::uint32_t>> source;  ///< of each declared field: the saved one; none: it is new
  std::vector<std::uint32_t> removed;                ///< saved fields that none takes
  bool by_place = false;                             ///< of alternatives that were saved without names
  std::vector<std::string> ambiguities;              ///< why there is a choice; then the rest is unspecified
};

FieldMatch match_fields(const std::vector<TypeField>& saved, const std::vector<TypeField>& declared);

/// Alternatives that were saved without names, as "0", "1", ..., are matched by these numbers.
FieldMatch match_alternatives(const std::vector<TypeField>& saved, const std::vector<TypeField>& declared);

}  // namespace tidemark
