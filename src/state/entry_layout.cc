#include "state/entry_layout.h"

#include "codec/schema.h"

namespace tidemark {

namespace {

constexpr std::uint32_t kVariable = EntryLayout::kVariable;

std::uint32_t number_size(TypeKind kind) {
  switch (kind) {
    case TypeKind::kBool:
    case TypeKind::kInt8:
    case TypeKind::kUint8:
      return 1;
    case TypeKind::kInt16:
    case TypeKind::kUint16:
      return 2;
    case TypeKind::kInt32:
    case TypeKind::kUint32:
    case TypeKind::kFloat32:
      return 4;
    case TypeKind::kInt64:
    case TypeKind::kUint64:
    case TypeKind::kFloat64:
      return 8;
    default:
      return kVariable;
  }
}

// As fixed_key_size() says it of a C++ type.
std::uint32_t key_size(const Type& type) {
  switch (type.kind) {
    case TypeKind::kTimestamp:
    case TypeKind::kTime:
    case TypeKind::kDuration:
    case TypeKind::kDate:
      return 8;
    case TypeKind::kEnum:
      return number_size(type.underlying);
    case TypeKind::kArray: {
      const std::uint32_t element = key_size(type.fields.front().type);
      return element == kVariable || type.size == 0 ? kVariable : static_cast<std::uint32_t>(element * type.size);
    }
    case TypeKind::kStruct: {
      if (type.fields.empty()) return 1;
      std::uint32_t sum = 0;
      for (const TypeField& field : type.fields) {
        const std::uint32_t size = key_size(field.type);
        if (size == kVariable) return kVariable;
        sum += size;
      }
      return sum;
    }
    default:
      return number_size(type.kind);
  }
}

// Wider integers are varints in a value.
std::uint32_t value_size(const Type& type) {
  const std::uint32_t size = number_size(type.kind);
  const bool bytewise = size == 1 || type.kind == TypeKind::kFloat32 || type.kind == TypeKind::kFloat64;
  return bytewise ? size : kVariable;
}

template <class SizeOf>
std::uint32_t part_size(const std::string& schema, SizeOf&& size_of) {
  if (schema.empty()) return 0;
  const auto type = parse_schema(schema);
  return type ? size_of(*type) : kVariable;
}

}  // namespace

EntryLayout entry_layout(const StateDescriptor& state) {
  std::uint32_t value = part_size(state.value_schema, value_size);
  if (state.has_ttl && value != kVariable) value += sizeof(std::uint32_t);  // when it was written
  return {.key = part_size(state.key_schema, key_size),
          .name_space = part_size(state.namespace_schema, key_size),
          .map_key = 0,
          .value = value};
}

}  // namespace tidemark
