#include "codec/default_value.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "codec/type_text.h"
#include "tidemark/detail/base/bytes.h"

namespace tidemark {
namespace {

using detail::ByteWriter;
using Json = nlohmann::json;

constexpr std::size_t kLargest = 1 << 16;

std::unexpected<Error> misfit(const Json& value, const Type& type) {
  return fail(ErrorCode::kInvalidArgument, fmt::format("the default {} is no {}", value.dump(), type_text(type)));
}

template <class T>
Result<> put_integer(const Json& value, const Type& type, ByteWriter& out) {
  const bool fits = value.is_number_unsigned()  ? std::in_range<T>(value.get<std::uint64_t>())
                    : value.is_number_integer() ? std::in_range<T>(value.get<std::int64_t>())
                                                : false;
  if (!fits) return misfit(value, type);
  const T number = value.get<T>();
  if constexpr (sizeof(T) == 1) {
    out.put_u8(static_cast<std::uint8_t>(number));
  } else if constexpr (std::signed_integral<T>) {
    out.put_signed_varint(number);
  } else {
    out.put_varint(number);
  }
  return {};
}

Result<> put_text(const Json& value, const Type& type, ByteWriter& out) {
  if (!value.is_string()) return misfit(value, type);
  out.put_string(value.get_ref<const std::string&>());
  return {};
}

Result<> put_default(const Json& value, const Type& type, ByteWriter& out);

/// By its name or by its number.
Result<> put_enum(const Json& value, const Type& type, ByteWriter& out) {
  const Type number{.kind = type.underlying};
  if (!value.is_string()) return put_default(value, number, out);
  const auto named = std::ranges::find(type.enumerators, value.get_ref<const std::string&>(), &TypeEnumerator::name);
  if (named == type.enumerators.end()) return misfit(value, type);
  if (type.underlying == TypeKind::kUint64) return put_default(static_cast<std::uint64_t>(named->value), number, out);
  return put_default(named->value, number, out);
}

Result<> put_default(const Json& value, const Type& type, ByteWriter& out) {
  switch (type.kind) {
    case TypeKind::kBool:
      if (!value.is_boolean()) return misfit(value, type);
      out.put_u8(value.get<bool>() ? 1 : 0);
      return {};
    case TypeKind::kInt8:
      return put_integer<std::int8_t>(value, type, out);
    case TypeKind::kInt16:
      return put_integer<std::int16_t>(value, type, out);
    case TypeKind::kInt32:
      return put_integer<std::int32_t>(value, type, out);
    case TypeKind::kInt64:
    case TypeKind::kTimestamp:
    case TypeKind::kTime:
    case TypeKind::kDuration:
    case TypeKind::kDate:
      return put_integer<std::int64_t>(value, type, out);
    case TypeKind::kUint8:
      return put_integer<std::uint8_t>(value, type, out);
    case TypeKind::kUint16:
      return put_integer<std::uint16_t>(value, type, out);
    case TypeKind::kUint32:
      return put_integer<std::uint32_t>(value, type, out);
    case TypeKind::kUint64:
      return put_integer<std::uint64_t>(value, type, out);
    case TypeKind::kFloat32:
      if (!value.is_number() || !std::isfinite(value.get<float>())) return misfit(value, type);
      out.put_u32(std::bit_cast<std::uint32_t>(value.get<float>()));
      return {};
    case TypeKind::kFloat64:
      if (!value.is_number()) return misfit(value, type);
      out.put_u64(std::bit_cast<std::uint64_t>(value.get<double>()));
      return {};
    case TypeKind::kString:
    case TypeKind::kBytes:
      return put_text(value, type, out);
    case TypeKind::kEnum:
      return put_enum(value, type, out);
    case TypeKind::kOptional:
      out.put_u8(1);
      return put_default(value, type.fields.at(0).type, out);
    default:
      return misfit(value, type);
  }
}

std::unexpected<Error> no_value(const Type& type) {
  return fail(ErrorCode::kInvalidArgument, fmt::format("{} has no values", type_text(type)));
}

Result<> put_zero(const Type& type, ByteWriter& out);

Result<> put_zero_struct(const Type& type, ByteWriter& out) {
  if (type.fields.empty()) out.put_u8(0);
  for (const TypeField& field : type.fields) {
    TIDEMARK_ASSIGN(bytes, encode_default(field));
    out.put_bytes(bytes);
  }
  return {};
}

Result<> put_zero_array(const Type& type, ByteWriter& out) {
  ByteWriter element;
  TIDEMARK_TRY(put_zero(type.fields.at(0).type, element));
  if (type.size == 0) return no_value(type);
  if (type.size > kLargest / element.size()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} is too large to be added to every entry", type_text(type)));
  }
  for (std::uint64_t i = 0; i < type.size; ++i) out.put_bytes(element.view());
  return {};
}

/// Every encoding of a zero but that of a floating-point number and of what has parts is a single zero byte.
Result<> put_zero(const Type& type, ByteWriter& out) {
  switch (type.kind) {
    case TypeKind::kFloat32:
      out.put_u32(0);
      return {};
    case TypeKind::kFloat64:
      out.put_u64(0);
      return {};
    case TypeKind::kArray:
      return put_zero_array(type, out);
    case TypeKind::kStruct:
      return put_zero_struct(type, out);
    case TypeKind::kVariant:
      if (type.fields.empty()) return no_value(type);
      out.put_u8(0);
      return put_zero(type.fields.front().type, out);
    default:
      out.put_u8(0);
      return {};
  }
}

}  // namespace

Result<std::string> encode_default(const TypeField& field) {
  ByteWriter out;
  if (field.default_json) {
    const Json value = Json::parse(*field.default_json, nullptr, false);
    TIDEMARK_TRY(put_default(value, field.type, out));
  } else {
    TIDEMARK_TRY(put_zero(field.type, out));
  }
  if (out.size() > kLargest) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("the default of {} is too large to be added to every entry", type_text(field.type)));
  }
  return out.take();
}

}  // namespace tidemark
