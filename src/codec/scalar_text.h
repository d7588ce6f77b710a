// Single values as text: numbers, times and base64, shared by the decoders of JSON and CSV. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tidemark/detail/codec/record_layout.h"

namespace tidemark {

/// Why a text is not the value it should be.
enum class ScalarOutcome {
  kOk,
  kMalformed,   ///< not a value of that kind at all
  kFraction,    ///< a number, but no whole one
  kOutOfRange,  ///< a value of that kind, too large or too small for the field
};

/// A number as JSON writes it: no plus sign, no leading zeros, digits on both sides of the point.
bool is_json_number(std::string_view text) noexcept;

/// Stores the decimal integer `text` at `to` as an integer of `kind` (kInt8 ... kUint64).
ScalarOutcome store_integer(std::string_view text, TypeKind kind, void* to) noexcept;

/// Stores the number `text` at `to` as a kFloat32 or kFloat64.
ScalarOutcome store_float(std::string_view text, TypeKind kind, void* to) noexcept;

/// Stores a time, duration or date given as an integer count of its unit.
ScalarOutcome store_count(std::string_view text, const detail::ValueLayout& layout, void* to) noexcept;

/// Stores a time or date given as ISO 8601: 2015-07-15, 2015-07-15T00:03:02, with a space for the T, with any fraction,
/// with Z or an offset such as +02:00; UTC where neither stands. A fraction finer than the field's unit is cut off.
ScalarOutcome store_iso_time(std::string_view text, const detail::ValueLayout& layout, void* to) noexcept;

/// The value of the enumerator named `text`.
std::optional<std::int64_t> find_enumerator(const detail::ValueLayout& layout, std::string_view text) noexcept;

/// Stores an enum by its number.
void store_enum(std::int64_t value, TypeKind underlying, void* to) noexcept;

/// Standard alphabet, with padding; false for anything else.
bool decode_base64(std::string_view text, std::string& bytes);

}  // namespace tidemark
