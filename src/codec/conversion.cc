#include "codec/conversion.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace tidemark {
namespace {

using detail::ByteReader;
using detail::ByteWriter;
using Op = Conversion::Op;

/// An integer of any kind, in 64 bits: sign-extended where the kind has a sign.
std::int64_t get_integer(TypeKind kind, ByteReader& in) {
  const auto checked = [&in]<class T>(T, auto wide) {
    if (!std::in_range<T>(wide)) in.fail();
    return static_cast<std::int64_t>(wide);
  };
  switch (kind) {
    case TypeKind::kInt8:
      return static_cast<std::int8_t>(in.get_u8());
    case TypeKind::kUint8:
      return in.get_u8();
    case TypeKind::kInt16:
      return checked(std::int16_t{}, in.get_signed_varint());
    case TypeKind::kInt32:
      return checked(std::int32_t{}, in.get_signed_varint());
    case TypeKind::kInt64:
      return in.get_signed_varint();
    case TypeKind::kUint16:
      return checked(std::uint16_t{}, in.get_varint());
    case TypeKind::kUint32:
      return checked(std::uint32_t{}, in.get_varint());
    case TypeKind::kUint64:
      return static_cast<std::int64_t>(in.get_varint());
    default:
      in.fail();
      return 0;
  }
}

void put_integer(TypeKind kind, std::int64_t value, ByteWriter& out) {
  switch (kind) {
    case TypeKind::kInt8:
    case TypeKind::kUint8:
      return out.put_u8(static_cast<std::uint8_t>(value));
    case TypeKind::kInt16:
    case TypeKind::kInt32:
    case TypeKind::kInt64:
      return out.put_signed_varint(value);
    default:
      return out.put_varint(static_cast<std::uint64_t>(value));
  }
}

/// What the number becomes. A number without a name keeps its meaning or, where a name has moved there, has none.
std::int64_t renumbered(const Conversion& conversion, std::int64_t number, ByteReader& in) {
  const auto found = std::ranges::find(conversion.numbers, number, &Conversion::Renumbering::saved);
  if (found != conversion.numbers.end()) return found->declared;
  if (std::ranges::find(conversion.taken_numbers, number) != conversion.taken_numbers.end()) in.fail();
  return number;
}

void convert_any(const Conversion& conversion, ByteReader& in, ByteWriter* out);

// `count` is not trusted: every element takes a byte at least.
void convert_elements(const Conversion& element, std::uint64_t count, ByteReader& in, ByteWriter* out) {
  if (count > in.remaining()) return in.fail();
  if (element.op == Op::kBytes) {
    const std::string_view bytes = in.get_bytes(count * element.size);
    if (out != nullptr) out->put_bytes(bytes);
    return;
  }
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) convert_any(element, in, out);
}

void convert_map(const Conversion& conversion, ByteReader& in, ByteWriter* out) {
  const std::uint64_t count = in.get_varint();
  if (count > in.remaining()) return in.fail();
  if (out != nullptr) out->put_varint(count);
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    convert_any(conversion.parts[0], in, out);
    convert_any(conversion.parts[1], in, out);
  }
}

void convert_optional(const Conversion& conversion, ByteReader& in, ByteWriter* out) {
  const std::uint8_t present = in.get_u8();
  if (present > 1) return in.fail();
  if (out != nullptr) out->put_u8(present);
  if (present == 1) convert_any(conversion.parts[0], in, out);
}

void convert_variant(const Conversion& conversion, ByteReader& in, ByteWriter* out) {
  const std::uint64_t index = in.get_varint();
  if (index >= conversion.parts.size()) return in.fail();
  if (out != nullptr) out->put_varint(conversion.alternatives[index]);
  convert_any(conversion.parts[index], in, out);
}

void skip_fields(const Conversion& conversion, std::size_t from, std::size_t to, ByteReader& in) {
  for (std::size_t i = from; i < to; ++i) convert_any(conversion.parts[i], in, nullptr);
}

// The new fields take the saved ones in the saved order: one pass.
void convert_in_order(const Conversion& conversion, ByteReader& in, ByteWriter& out) {
  std::size_t next = 0;
  for (const Conversion::Field& field : conversion.fields) {
    if (field.part == Conversion::Field::kConstant) {
      out.put_bytes(field.constant);
      continue;
    }
    skip_fields(conversion, next, field.part, in);
    convert_any(conversion.parts[field.part], in, &out);
    next = field.part + 1;
  }
  skip_fields(conversion, next, conversion.parts.size(), in);
}

void convert_out_of_order(const Conversion& conversion, ByteReader& in, ByteWriter& out) {
  std::vector<ByteReader> begins;
  for (const Conversion& part : conversion.parts) {
    begins.push_back(in);
    convert_any(part, in, nullptr);
  }
  if (!in.ok()) return;
  for (const Conversion::Field& field : conversion.fields) {
    if (field.part == Conversion::Field::kConstant) {
      out.put_bytes(field.constant);
    } else {
      convert_any(conversion.parts[field.part], begins[field.part], &out);
      if (!begins[field.part].ok()) in.fail();
    }
  }
}

bool takes_in_order(const Conversion& conversion) {
  std::uint32_t next = 0;
  for (const Conversion::Field& field : conversion.fields) {
    if (field.part == Conversion::Field::kConstant) continue;
    if (field.part < next) return false;
    next = field.part + 1;
  }
  return true;
}

// Without fields a struct is a single byte.
void convert_struct(const Conversion& conversion, ByteReader& in, ByteWriter* out) {
  if (conversion.parts.empty()) in.get_u8();
  if (out == nullptr) return skip_fields(conversion, 0, conversion.parts.size(), in);
  if (conversion.fields.empty()) out->put_u8(0);
  if (takes_in_order(conversion)) return convert_in_order(conversion, in, *out);
  convert_out_of_order(conversion, in, *out);
}

/// Without `out` the value is passed over.
void convert_any(const Conversion& conversion, ByteReader& in, ByteWriter* out) {
  if (out != nullptr && conversion.same) {
    const std::string_view before = in.rest();
    convert_any(conversion, in, nullptr);
    if (in.ok()) out->put_bytes(before.substr(0, before.size() - in.remaining()));
    return;
  }
  switch (conversion.op) {
    case Op::kBytes:
      in.get_bytes(conversion.size);
      return;
    case Op::kVarint:
      in.get_varint();
      return;
    case Op::kText:
      in.get_string();
      return;
    case Op::kInteger: {
      const std::int64_t number = get_integer(conversion.from, in);
      if (out != nullptr) put_integer(conversion.to, renumbered(conversion, number, in), *out);
      return;
    }
    case Op::kDouble: {
      const auto number = std::bit_cast<float>(in.get_u32());
      if (out != nullptr) out->put_u64(std::bit_cast<std::uint64_t>(static_cast<double>(number)));
      return;
    }
    case Op::kPresent:
      if (out != nullptr) out->put_u8(1);
      return convert_any(conversion.parts[0], in, out);
    case Op::kOptional:
      return convert_optional(conversion, in, out);
    case Op::kList: {
      const std::uint64_t count = in.get_varint();
      if (out != nullptr) out->put_varint(count);
      return convert_elements(conversion.parts[0], count, in, out);
    }
    case Op::kArray:
      return convert_elements(conversion.parts[0], conversion.size, in, out);
    case Op::kMap:
      return convert_map(conversion, in, out);
    case Op::kVariant:
      return convert_variant(conversion, in, out);
    case Op::kStruct:
      return convert_struct(conversion, in, out);
  }
}

}  // namespace

void convert(const Conversion& conversion, ByteReader& in, ByteWriter& out) { convert_any(conversion, in, &out); }

bool convert_value(const Conversion& conversion, std::string_view bytes, ByteWriter& out) {
  out.clear();
  ByteReader in{bytes};
  convert(conversion, in, out);
  return in.ok() && in.remaining() == 0;
}

}  // namespace tidemark
