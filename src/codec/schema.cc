#include "codec/schema.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "tidemark/detail/base/hash.h"
#include "tidemark/detail/codec/text_format.h"

namespace tidemark {
namespace {

constexpr std::array<std::string_view, 25> kKindNames = {
    "none",   "bool",     "int8",    "int16",  "int32", "int64",     "uint8", "uint16",   "uint32",
    "uint64", "float32",  "float64", "string", "bytes", "timestamp", "time",  "duration", "date",
    "enum",   "optional", "list",    "array",  "map",   "variant",   "struct"};
static_assert(kKindNames[static_cast<std::size_t>(TypeKind::kStruct)] == "struct");

constexpr int kMaxNesting = 64;

void append(std::string& out, const Type& type);

void append_fields(std::string& out, const std::vector<TypeField>& fields) {
  out += '[';
  for (const TypeField& field : fields) {
    if (out.back() != '[') out += ',';
    out += "{\"name\":" + detail::quote_json(field.name) + ",\"type\":";
    append(out, field.type);
    if (!field.aliases.empty()) {
      out += ",\"aliases\":[";
      for (const std::string& alias : field.aliases) {
        if (out.back() != '[') out += ',';
        out += detail::quote_json(alias);
      }
      out += ']';
    }
    if (field.default_json) out += ",\"default\":" + *field.default_json;
    out += '}';
  }
  out += ']';
}

void append_enum(std::string& out, const Type& type) {
  out += "{\"enum\":\"";
  out += to_string(type.underlying);
  out += '"';
  if (!type.enumerators.empty()) {
    out += ",\"names\":{";
    for (const TypeEnumerator& e : type.enumerators) {
      if (out.back() != '{') out += ',';
      out += detail::quote_json(e.name) + ':';
      out += type.underlying == TypeKind::kUint64 ? std::to_string(static_cast<std::uint64_t>(e.value))
                                                  : std::to_string(e.value);
    }
    out += '}';
  }
  out += '}';
}

void append(std::string& out, const Type& type) {
  switch (type.kind) {
    case TypeKind::kTime:
    case TypeKind::kDuration:
      out += '"';
      out += to_string(type.kind);
      out += '(' + std::to_string(type.unit_num) + '/' + std::to_string(type.unit_den) + ")\"";
      return;
    case TypeKind::kEnum:
      return append_enum(out, type);
    case TypeKind::kOptional:
    case TypeKind::kList:
    case TypeKind::kArray:
      out += "{\"";
      out += to_string(type.kind);
      out += "\":";
      append(out, type.fields.at(0).type);
      if (type.kind == TypeKind::kArray) out += ",\"size\":" + std::to_string(type.size);
      out += '}';
      return;
    case TypeKind::kMap:
      out += "{\"map\":[";
      append(out, type.fields.at(0).type);
      out += ',';
      append(out, type.fields.at(1).type);
      out += "]}";
      return;
    case TypeKind::kVariant:
    case TypeKind::kStruct:
      out += "{\"";
      out += to_string(type.kind);
      out += "\":";
      append_fields(out, type.fields);
      out += '}';
      return;
    default:
      out += '"';
      out += to_string(type.kind);
      out += '"';
  }
}

using Json = nlohmann::ordered_json;

// What a schema is not; becomes the message of parse_schema's error.
struct SchemaFault {
  std::string what;
};

TypeKind kind_named(std::string_view name) {
  const auto found = std::ranges::find(kKindNames, name);
  return found == kKindNames.end() ? TypeKind::kNone : static_cast<TypeKind>(found - kKindNames.begin());
}

bool is_plain(TypeKind kind) {
  return (kind >= TypeKind::kBool && kind <= TypeKind::kTimestamp) || kind == TypeKind::kDate;
}

bool is_integer(TypeKind kind) { return kind >= TypeKind::kInt8 && kind <= TypeKind::kUint64; }

const std::string& string_of(const Json& json) {
  if (!json.is_string()) throw SchemaFault{"expected a text instead of " + json.dump()};
  return json.get_ref<const std::string&>();
}

Type parse_unit(const std::string& word) {
  const std::size_t open = word.find('('), slash = word.find('/');
  Type type{.kind = kind_named(std::string_view{word}.substr(0, std::min(open, word.size())))};
  const bool has_unit = type.kind == TypeKind::kTime || type.kind == TypeKind::kDuration;
  if (!has_unit || slash == std::string::npos || slash < open || word.back() != ')')
    throw SchemaFault{"unknown type " + detail::quote_json(word)};
  const char* const end = word.data() + word.size() - 1;
  const auto num = std::from_chars(word.data() + open + 1, word.data() + slash, type.unit_num);
  const auto den = std::from_chars(word.data() + slash + 1, end, type.unit_den);
  if (num.ptr != word.data() + slash || den.ptr != end || type.unit_num <= 0 || type.unit_den <= 0)
    throw SchemaFault{"unknown unit in " + detail::quote_json(word)};
  return type;
}

// As detail::default_json() wrote it.
std::string canonical_default(const Json& value) {
  if (value.is_string()) return detail::quote_json(string_of(value));
  return value.is_number_float() ? detail::default_json(value.get<double>()) : value.dump();
}

Type parse(const Json& json, int depth);

TypeField parse_field(const Json& json, int depth) {
  if (!json.is_object()) throw SchemaFault{"expected a field instead of " + json.dump()};
  TypeField field;
  for (const auto& [name, value] : json.items()) {
    if (name == "name") {
      field.name = string_of(value);
    } else if (name == "type") {
      field.type = parse(value, depth);
    } else if (name == "aliases" && value.is_array()) {
      for (const Json& alias : value) field.aliases.push_back(string_of(alias));
    } else if (name == "default" && value.is_primitive() && !value.is_null()) {
      field.default_json = canonical_default(value);
    } else {
      throw SchemaFault{"unknown member " + detail::quote_json(name) + " of a field"};
    }
  }
  if (field.type.kind == TypeKind::kNone) throw SchemaFault{"field " + detail::quote_json(field.name) + " has no type"};
  return field;
}

Type parse_enum(const Json& json) {
  Type type{.kind = TypeKind::kEnum, .underlying = kind_named(string_of(json.at("enum")))};
  if (!is_integer(type.underlying)) throw SchemaFault{"the enum's type is no integer"};
  if (!json.contains("names")) return type;
  for (const auto& [name, value] : json.at("names").items()) {
    if (!value.is_number_integer()) throw SchemaFault{"the enumerator " + detail::quote_json(name) + " has no number"};
    type.enumerators.push_back({name, value.get<std::int64_t>()});
  }
  return type;
}

Type parse_object(const Json& json, int depth) {
  if (json.empty()) throw SchemaFault{"a type without a kind"};
  Type type{.kind = kind_named(json.begin().key())};
  const Json& body = json.begin().value();
  switch (type.kind) {
    case TypeKind::kEnum:
      return parse_enum(json);
    case TypeKind::kArray:
      if (!json.contains("size") || !json["size"].is_number_unsigned()) throw SchemaFault{"an array without its size"};
      type.size = json["size"].get<std::uint64_t>();
      [[fallthrough]];
    case TypeKind::kOptional:
    case TypeKind::kList:
      type.fields.push_back({.type = parse(body, depth)});
      return type;
    case TypeKind::kMap:
      if (!body.is_array() || body.size() != 2) throw SchemaFault{"a map without key and value"};
      for (const Json& part : body) type.fields.push_back({.type = parse(part, depth)});
      return type;
    case TypeKind::kVariant:
    case TypeKind::kStruct:
      if (!body.is_array()) throw SchemaFault{"fields are a list"};
      for (const Json& field : body) type.fields.push_back(parse_field(field, depth));
      return type;
    default:
      throw SchemaFault{"unknown type " + detail::quote_json(json.begin().key())};
  }
}

Type parse(const Json& json, int depth) {
  if (depth > kMaxNesting) throw SchemaFault{"nested more than " + std::to_string(kMaxNesting) + " deep"};
  if (json.is_object()) return parse_object(json, depth + 1);
  const std::string& word = string_of(json);
  if (const TypeKind kind = kind_named(word); is_plain(kind)) return {.kind = kind};
  return parse_unit(word);
}

// Deep nesting must not reach the recursive parser and destructor of the JSON library.
bool nests_too_deep(std::string_view json) {
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (c == '"') quoted = !quoted;
    if (quoted) {
      if (c == '\\') ++i;
    } else if (c == '[' || c == '{') {
      if (++depth > 4 * kMaxNesting) return true;
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return false;
}

}  // namespace

std::string_view to_string(TypeKind kind) noexcept { return kKindNames[static_cast<std::size_t>(kind)]; }

std::string schema_json(const Type& type) {
  std::string out;
  append(out, type);
  return out;
}

std::uint64_t schema_fingerprint(const Type& type) { return detail::hash_bytes(schema_json(type)); }

bool is_valid_name(std::string_view name) noexcept {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  };
  return !name.empty() && name.size() <= 128 && std::ranges::all_of(name, allowed);
}

Result<Type> parse_schema(std::string_view json) {
  if (nests_too_deep(json)) return fail(ErrorCode::kDataLoss, "schema: nested too deep");
  try {
    return parse(Json::parse(json), 0);
  } catch (const SchemaFault& fault) {
    return fail(ErrorCode::kDataLoss, "schema: " + fault.what);
  } catch (const nlohmann::json::exception& e) {
    return fail(ErrorCode::kDataLoss, std::string{"schema: "} + e.what());
  }
}

namespace detail {

std::string quote_json(std::string_view text) {
  std::string out;
  append_json_string(text, out);
  return out;
}

void add_enumerator(Type& type, std::string_view name, std::int64_t value) {
  const auto at = std::ranges::upper_bound(type.enumerators, value, {}, &TypeEnumerator::value);
  type.enumerators.insert(at, {std::string{name}, value});
}

}  // namespace detail
}  // namespace tidemark
