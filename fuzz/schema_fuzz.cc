// Schemas: what was read is written and read again as the same; every type that can be declared survives its text.
#include <charconv>

#include "codec/schema.h"
#include "fuzz/input.h"
#include "fuzz/target.h"
#include "tidemark/detail/base/check.h"

namespace tidemark::fuzz {
namespace {

constexpr int kDeepest = 6;

void check_round_trip(const Type& type) {
  const std::string json = schema_json(type);
  const auto back = parse_schema(json);
  TIDEMARK_CHECK(back.has_value(), "a schema that was written can be read");
  TIDEMARK_CHECK(*back == type, "a schema reads back as the type it was written of");
  TIDEMARK_CHECK(schema_json(*back) == json, "one type has one spelling");
}

std::string any_name(Input& in) { return any_value<std::string>(in, Values::kReadableAsText); }

std::string any_default(Input& in) {
  switch (in.below(4)) {
    case 0:
      return detail::default_json(in.flag());
    case 1:
      return detail::default_json(in.number<std::int64_t>());
    case 2:
      return detail::default_json(any_value<double>(in, Values::kReadableAsText));
    default:
      return detail::default_json(std::string_view{any_name(in)});
  }
}

Type any_type(Input& in, int depth);

TypeField any_field(Input& in, int depth) {
  TypeField field{.name = any_name(in), .type = any_type(in, depth)};
  if (in.flag()) field.aliases.push_back(any_name(in));
  if (in.flag()) field.default_json = any_default(in);
  return field;
}

// Names of an enum are distinct, as those of C++ enumerators are.
void add_enumerators(Input& in, Type& type) {
  const std::size_t count = in.below(4);
  for (std::size_t i = 0; i < count; ++i) {
    const auto value = type.underlying == TypeKind::kUint64 ? in.number<std::int64_t>() : in.number<std::int8_t>();
    detail::add_enumerator(type, any_name(in) + std::to_string(i), value);
  }
}

Type any_type(Input& in, int depth) {
  constexpr auto kKinds = static_cast<std::size_t>(TypeKind::kStruct);
  Type type{.kind = static_cast<TypeKind>(
                1 + in.below(depth < kDeepest ? kKinds : static_cast<std::size_t>(TypeKind::kBytes)))};
  switch (type.kind) {
    case TypeKind::kTime:
    case TypeKind::kDuration:
      type.unit_num = 1 + std::int64_t{in.number<std::uint32_t>()};
      type.unit_den = 1 + std::int64_t{in.number<std::uint32_t>()};
      break;
    case TypeKind::kEnum:
      type.underlying = static_cast<TypeKind>(static_cast<std::size_t>(TypeKind::kInt8) + in.below(8));
      add_enumerators(in, type);
      break;
    case TypeKind::kArray:
      type.size = in.number<std::uint64_t>();
      [[fallthrough]];
    case TypeKind::kOptional:
    case TypeKind::kList:
      type.fields.push_back({.type = any_type(in, depth + 1)});
      break;
    case TypeKind::kMap:
      type.fields.push_back({.type = any_type(in, depth + 1)});
      type.fields.push_back({.type = any_type(in, depth + 1)});
      break;
    case TypeKind::kVariant:
    case TypeKind::kStruct:
      for (std::size_t left = in.below(4); left > 0; --left) type.fields.push_back(any_field(in, depth + 1));
      break;
    default:
      break;
  }
  return type;
}

void check(std::string_view input) {
  if (const auto type = parse_schema(input)) {
    check_round_trip(*type);
  } else {
    TIDEMARK_CHECK(type.error().code() == ErrorCode::kDataLoss, "text that is no schema is lost data");
  }
  Input in{input};
  check_round_trip(any_type(in, 0));
}

const Registration kTarget{"schema", check};

}  // namespace
}  // namespace tidemark::fuzz
