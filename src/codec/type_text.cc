#include "codec/type_text.h"

#include <fmt/format.h>

#include <algorithm>

namespace tidemark {
namespace {

constexpr std::size_t kMostFields = 6;
constexpr int kDeepest = 3;

std::string text_of(const Type& type, int depth);

std::string fields_text(const Type& type, int depth) {
  if (type.fields.empty()) return "{}";
  if (depth >= kDeepest) return "{...}";
  std::string text = "{";
  for (std::size_t i = 0; i < std::min(type.fields.size(), kMostFields); ++i) {
    if (i > 0) text += ", ";
    text += fmt::format("{}: {}", type.fields[i].name, text_of(type.fields[i].type, depth + 1));
  }
  return text + (type.fields.size() > kMostFields ? ", ...}" : "}");
}

std::string unit_text(const Type& type) {
  if (type.unit_den == 1) return type.unit_num == 1 ? "s" : fmt::format("{} s", type.unit_num);
  if (type.unit_num == 1 && type.unit_den == 1000) return "ms";
  if (type.unit_num == 1 && type.unit_den == 1'000'000) return "us";
  if (type.unit_num == 1 && type.unit_den == 1'000'000'000) return "ns";
  return fmt::format("{}/{} s", type.unit_num, type.unit_den);
}

std::string text_of(const Type& type, int depth) {
  const auto part = [&](std::size_t i) { return text_of(type.fields.at(i).type, depth + 1); };
  switch (type.kind) {
    case TypeKind::kTime:
    case TypeKind::kDuration:
      return fmt::format("{}({})", to_string(type.kind), unit_text(type));
    case TypeKind::kEnum:
      return fmt::format("enum({})", to_string(type.underlying));
    case TypeKind::kOptional:
    case TypeKind::kList:
      return fmt::format("{}<{}>", to_string(type.kind), part(0));
    case TypeKind::kArray:
      return fmt::format("array<{}, {}>", part(0), type.size);
    case TypeKind::kMap:
      return fmt::format("map<{}, {}>", part(0), part(1));
    case TypeKind::kVariant:
    case TypeKind::kStruct:
      return fmt::format("{} {}", to_string(type.kind), fields_text(type, depth));
    default:
      return std::string{to_string(type.kind)};
  }
}

}  // namespace

std::string type_text(const Type& type) { return text_of(type, 0); }

std::string default_text(const TypeField& field) {
  if (field.default_json) return *field.default_json;
  switch (field.type.kind) {
    case TypeKind::kBool:
      return "false";
    case TypeKind::kString:
      return "\"\"";
    case TypeKind::kOptional:
      return "none";
    case TypeKind::kBytes:
    case TypeKind::kList:
    case TypeKind::kMap:
      return "empty";
    case TypeKind::kArray:
    case TypeKind::kVariant:
    case TypeKind::kStruct:
      return "its zero";
    default:
      return "0";
  }
}

}  // namespace tidemark
