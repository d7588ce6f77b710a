// How the bytes of a saved value become those of another type: a tree over the saved type, made once by evolve() and
// run for each value. No template knows the types.
//
// Immutable once made: any number of threads may run one. Running trusts nothing: bytes that are no value of the saved
// type fail the reader, or come out as bytes that the decoder of the new type refuses. The depth is that of the types.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tidemark/detail/base/bytes.h"
#include "tidemark/detail/codec/kind.h"

namespace tidemark {

struct Conversion {
  enum class Op : std::uint8_t {
    kBytes,     ///< `size` bytes
    kVarint,    ///< an integer of more than a byte, a time or a date
    kText,      ///< a length and so many bytes
    kInteger,   ///< an integer of kind `from` becomes one of kind `to`, renumbered where `numbers` says so
    kDouble,    ///< a float becomes a double
    kPresent,   ///< a value, converted by parts[0], becomes an optional that holds it
    kOptional,  ///< parts[0]: the value
    kList,      ///< parts[0]: an element
    kArray,     ///< `size` elements; parts[0]: an element
    kMap,       ///< parts[0]: a key, parts[1]: its value
    kVariant,   ///< parts: the saved alternatives; alternatives[i]: the new number of the i-th
    kStruct,    ///< parts: the saved fields; fields: those of the new type
  };
  struct Renumbering {
    std::int64_t saved = 0;
    std::int64_t declared = 0;
  };
  /// A field of the new type: what parts[part] makes, or constant bytes.
  struct Field {
    static constexpr std::uint32_t kConstant = 0xffffffff;
    std::uint32_t part = kConstant;
    std::string constant;
  };

  Op op = Op::kBytes;
  bool same = true;  ///< the new bytes are the saved ones
  TypeKind from = TypeKind::kNone;
  TypeKind to = TypeKind::kNone;
  std::uint64_t size = 0;
  std::vector<Conversion> parts;
  std::vector<Field> fields;
  std::vector<std::uint32_t> alternatives;
  std::vector<Renumbering> numbers;
  std::vector<std::int64_t> taken_numbers;  ///< with `numbers`: what a number without a name may not become by itself
};

/// Reads a saved value and appends what it becomes to `out`. in.ok() tells whether there was one.
void convert(const Conversion& conversion, detail::ByteReader& in, detail::ByteWriter& out);

/// The same for bytes that must be exactly one value; false if they are not. `out` is overwritten.
bool convert_value(const Conversion& conversion, std::string_view bytes, detail::ByteWriter& out);

}  // namespace tidemark
