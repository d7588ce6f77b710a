#include "codec/evolution.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "codec/default_value.h"
#include "codec/field_match.h"
#include "codec/type_text.h"

namespace tidemark {
namespace {

using Op = Conversion::Op;

bool is_integer(TypeKind kind) { return kind >= TypeKind::kInt8 && kind <= TypeKind::kUint64; }
bool is_signed(TypeKind kind) { return kind >= TypeKind::kInt8 && kind <= TypeKind::kInt64; }
int width_of(TypeKind kind) {
  switch (kind) {
    case TypeKind::kInt8:
    case TypeKind::kUint8:
      return 1;
    case TypeKind::kInt16:
    case TypeKind::kUint16:
      return 2;
    case TypeKind::kInt32:
    case TypeKind::kUint32:
      return 4;
    default:
      return 8;
  }
}

std::string number_text(const Type& type, std::int64_t value) {
  return type.underlying == TypeKind::kUint64 ? std::to_string(static_cast<std::uint64_t>(value))
                                              : std::to_string(value);
}

Conversion bytes_of(std::uint64_t size) { return {.op = Op::kBytes, .size = size}; }

Conversion unchanged_number(TypeKind kind) {
  if (width_of(kind) == 1) return bytes_of(1);
  return {.op = Op::kVarint};
}

Op op_of(TypeKind kind) {
  switch (kind) {
    case TypeKind::kString:
    case TypeKind::kBytes:
      return Op::kText;
    case TypeKind::kOptional:
      return Op::kOptional;
    case TypeKind::kList:
      return Op::kList;
    case TypeKind::kArray:
      return Op::kArray;
    case TypeKind::kMap:
      return Op::kMap;
    case TypeKind::kVariant:
      return Op::kVariant;
    case TypeKind::kStruct:
      return Op::kStruct;
    default:
      return Op::kVarint;
  }
}

/// A value that stays as it is.
Conversion unchanged(const Type& type) {
  switch (type.kind) {
    case TypeKind::kBool:
      return bytes_of(1);
    case TypeKind::kFloat32:
      return bytes_of(4);
    case TypeKind::kFloat64:
      return bytes_of(8);
    case TypeKind::kEnum:
      return unchanged_number(type.underlying);
    default:
      if (is_integer(type.kind)) return unchanged_number(type.kind);
  }
  Conversion conversion{.op = op_of(type.kind), .size = type.size};
  for (const TypeField& field : type.fields) conversion.parts.push_back(unchanged(field.type));
  return conversion;
}

/// Compares two types and, part by part, theirs.
class Comparison {
 public:
  Conversion compare(const Type& saved, const Type& declared);
  void compare_keys(const Type& saved, const Type& declared);

  Evolution finish(Conversion conversion) && {
    Evolution result{.steps = std::move(steps_), .refusals = std::move(refusals_), .conversion = std::move(conversion)};
    if (!result.steps.empty()) result.kind = Evolution::Kind::kMigrates;
    if (!result.refusals.empty()) result.kind = Evolution::Kind::kRefused;
    return result;
  }

 private:
  /// Where in the value the comparison stands, for the texts.
  class Place {
   public:
    Place(std::string& path, std::string_view part) : path_{path}, size_{path.size()} { path_ += part; }
    ~Place() { path_.resize(size_); }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

   private:
    std::string& path_;
    std::size_t size_;
  };
  std::string field_part(const std::string& name) const { return path_.empty() ? name : "." + name; }
  std::string at(std::string_view name) const { return path_ + field_part(std::string{name}); }

  void note(std::string step) { steps_.push_back(path_.empty() ? std::move(step) : path_ + ": " + step); }
  void refuse(std::string reason) { refusals_.push_back(path_.empty() ? std::move(reason) : path_ + ": " + reason); }
  void refuse_change(const Type& saved, const Type& declared, std::string_view why) {
    refuse(fmt::format("{} -> {}: {}", type_text(saved), type_text(declared), why));
  }

  Conversion compare_integers(const Type& saved, const Type& declared);
  bool check_widening(const Type& saved, const Type& declared, TypeKind from, TypeKind to);
  Conversion compare_floats(const Type& saved, const Type& declared);
  Conversion compare_enums(const Type& saved, const Type& declared);
  bool compare_enumerators(const Type& saved, const Type& declared, Conversion& conversion);
  Conversion make_present(const Type& saved, const Type& declared);
  Conversion compare_elements(const Type& saved, const Type& declared);
  Conversion compare_maps(const Type& saved, const Type& declared);
  Conversion compare_variants(const Type& saved, const Type& declared);
  Conversion compare_structs(const Type& saved, const Type& declared);
  Conversion::Field added_field(const TypeField& field);
  void note_names(const Type& saved, const Type& declared, const FieldMatch& match);
  void suggest_alias(const Type& saved, const Type& declared, const FieldMatch& match);
  void compare_key_structs(const Type& saved, const Type& declared);
  void compare_key_enums(const Type& saved, const Type& declared);
  void refuse_key(const Type& saved, const Type& declared);

  std::string path_;
  std::vector<std::string> steps_;
  std::vector<std::string> refusals_;
};

Conversion Comparison::compare(const Type& saved, const Type& declared) {
  if (saved.kind != declared.kind) {
    if (declared.kind == TypeKind::kOptional) return make_present(saved, declared);
    if (is_integer(saved.kind) && is_integer(declared.kind)) return compare_integers(saved, declared);
    const auto is_float = [](TypeKind kind) { return kind == TypeKind::kFloat32 || kind == TypeKind::kFloat64; };
    if (is_float(saved.kind) && is_float(declared.kind)) return compare_floats(saved, declared);
    const bool lost = saved.kind == TypeKind::kOptional;
    refuse_change(
        saved, declared,
        lost ? "a missing value would have none: declare the optional again"
             : "these are different kinds: declare the saved type again, or give the new one a name of its own");
    return {};
  }
  switch (saved.kind) {
    case TypeKind::kEnum:
      return compare_enums(saved, declared);
    case TypeKind::kTime:
    case TypeKind::kDuration:
      if (saved.unit_num != declared.unit_num || saved.unit_den != declared.unit_den) {
        refuse_change(saved, declared, "a saved count would mean another time: declare the saved unit again");
      }
      return unchanged(saved);
    case TypeKind::kOptional:
    case TypeKind::kList:
    case TypeKind::kArray:
      return compare_elements(saved, declared);
    case TypeKind::kMap:
      return compare_maps(saved, declared);
    case TypeKind::kVariant:
      return compare_variants(saved, declared);
    case TypeKind::kStruct:
      return compare_structs(saved, declared);
    default:
      return unchanged(saved);
  }
}

bool Comparison::check_widening(const Type& saved, const Type& declared, TypeKind from, TypeKind to) {
  const std::string_view back = "declare the saved type again, or add a field of the new type under another name";
  if (is_signed(from) && !is_signed(to)) {
    refuse_change(saved, declared, fmt::format("negative numbers would be lost: {}", back));
    return false;
  }
  if (width_of(to) < width_of(from)) {
    refuse_change(saved, declared, fmt::format("large numbers would be lost (narrowed): {}", back));
    return false;
  }
  if (!is_signed(from) && is_signed(to) && width_of(to) == width_of(from)) {
    refuse_change(saved, declared, fmt::format("large numbers would become negative: {}", back));
    return false;
  }
  return true;
}

// Wide integers with the same sign have the same bytes.
bool same_bytes(TypeKind from, TypeKind to) {
  return from == to || (width_of(from) > 1 && is_signed(from) == is_signed(to));
}

Conversion Comparison::compare_integers(const Type& saved, const Type& declared) {
  if (!check_widening(saved, declared, saved.kind, declared.kind)) return {};
  note(fmt::format("{} -> {} (widened)", type_text(saved), type_text(declared)));
  if (same_bytes(saved.kind, declared.kind)) return {.op = Op::kVarint};
  return {.op = Op::kInteger, .same = false, .from = saved.kind, .to = declared.kind};
}

Conversion Comparison::compare_floats(const Type& saved, const Type& declared) {
  if (saved.kind == TypeKind::kFloat64) {
    refuse_change(saved, declared, "digits would be lost (narrowed): declare the saved type again");
    return {};
  }
  note(fmt::format("{} -> {} (widened)", type_text(saved), type_text(declared)));
  return {.op = Op::kDouble, .same = false};
}

// The names say what a number means; where one of the two has no names, the numbers do.
Conversion Comparison::compare_enums(const Type& saved, const Type& declared) {
  if (saved.underlying != declared.underlying) {
    if (!check_widening(saved, declared, saved.underlying, declared.underlying)) return {};
    note(fmt::format("{} -> {} (widened)", type_text(saved), type_text(declared)));
  }
  Conversion conversion{.op = Op::kInteger, .same = false, .from = saved.underlying, .to = declared.underlying};
  const bool named = !saved.enumerators.empty() && !declared.enumerators.empty();
  if (named && compare_enumerators(saved, declared, conversion)) return conversion;
  conversion.numbers.clear();
  return same_bytes(saved.underlying, declared.underlying) ? unchanged_number(saved.underlying) : conversion;
}

/// Whether a number changes.
bool Comparison::compare_enumerators(const Type& saved, const Type& declared, Conversion& conversion) {
  bool changes = false;
  for (const TypeEnumerator& old : saved.enumerators) {
    const auto now = std::ranges::find(declared.enumerators, old.name, &TypeEnumerator::name);
    if (now == declared.enumerators.end()) {
      refuse(
          fmt::format("the enumerator '{}' ({}) is gone, and values may have it: declare it again; one that was "
                      "renamed in the code keeps its saved name in enumerator(value, \"{}\")",
                      old.name, number_text(saved, old.value), old.name));
      continue;
    }
    const auto known = std::ranges::find(conversion.numbers, old.value, &Conversion::Renumbering::saved);
    if (known != conversion.numbers.end() && known->declared != now->value) {
      refuse(fmt::format(
          "the saved number {} had two names, and now they have two numbers: give '{}' its saved number back",
          number_text(saved, old.value), old.name));
    }
    conversion.numbers.push_back({old.value, now->value});
    if (now->value == old.value) continue;
    changes = true;
    conversion.taken_numbers.push_back(now->value);
    note(fmt::format("{} {} -> {} (renumbered)", old.name, number_text(saved, old.value),
                     number_text(declared, now->value)));
  }
  for (const TypeEnumerator& now : declared.enumerators) {
    if (std::ranges::find(saved.enumerators, now.name, &TypeEnumerator::name) != saved.enumerators.end()) continue;
    note(fmt::format("+ {} ({})", now.name, number_text(declared, now.value)));
  }
  return changes;
}

Conversion Comparison::make_present(const Type& saved, const Type& declared) {
  note(fmt::format("{} -> {}", type_text(saved), type_text(declared)));
  Conversion conversion{.op = Op::kPresent, .same = false};
  conversion.parts.push_back(compare(saved, declared.fields.at(0).type));
  return conversion;
}

Conversion Comparison::compare_elements(const Type& saved, const Type& declared) {
  if (declared.kind == TypeKind::kArray && declared.size == 0) {
    refuse("an array without elements can't be stored");
    return {};
  }
  if (saved.size != declared.size) {
    refuse_change(saved, declared, "an array keeps its size: declare the saved size again, or use a std::vector");
    return {};
  }
  const Place place{path_, saved.kind == TypeKind::kOptional ? "" : "[]"};
  Conversion conversion{.op = op_of(saved.kind), .size = saved.size};
  conversion.parts.push_back(compare(saved.fields.at(0).type, declared.fields.at(0).type));
  conversion.same = conversion.parts[0].same;
  return conversion;
}

Conversion Comparison::compare_maps(const Type& saved, const Type& declared) {
  const auto part_of = [](const Type& type, std::size_t i) -> const Type& { return type.fields.at(i).type; };
  {
    const Place place{path_, path_.empty() ? "key" : " key"};
    compare_keys(part_of(saved, 0), part_of(declared, 0));
  }
  const Place place{path_, "[]"};
  Conversion conversion{.op = Op::kMap};
  conversion.parts.push_back(unchanged(part_of(saved, 0)));
  conversion.parts.push_back(compare(part_of(saved, 1), part_of(declared, 1)));
  conversion.same = conversion.parts[1].same;
  return conversion;
}

// Where a type at a place is another one than before: whether it may be that of another place.
bool may_have_moved(const std::vector<TypeField>& saved, const std::vector<TypeField>& declared) {
  if (declared.size() > saved.size()) return true;
  for (const TypeField& field : saved) {
    for (std::size_t i = 0; i < saved.size(); ++i) {
      if (declared[i].type == field.type && saved[i].type != field.type) return true;
    }
  }
  return false;
}

Conversion Comparison::compare_variants(const Type& saved, const Type& declared) {
  if (declared.fields.empty()) {
    refuse("a variant without alternatives can't be stored");
    return {};
  }
  const FieldMatch match = match_alternatives(saved.fields, declared.fields);
  for (const std::string& ambiguity : match.ambiguities) refuse(ambiguity);
  for (const std::uint32_t gone : match.removed) {
    refuse(fmt::format("the alternative '{}' ({}) is gone, and values may hold it: declare it again",
                       saved.fields[gone].name, type_text(saved.fields[gone].type)));
  }
  if (!match.ambiguities.empty() || !match.removed.empty()) return {};
  Conversion conversion{.op = Op::kVariant};
  conversion.parts.resize(saved.fields.size());
  conversion.alternatives.resize(saved.fields.size());
  bool changed = false;
  for (std::uint32_t i = 0; i < declared.fields.size(); ++i) {
    const TypeField& field = declared.fields[i];
    if (!match.source[i]) {
      note(fmt::format("+ alternative {}: {}", field.name, type_text(field.type)));
      continue;
    }
    const std::uint32_t from = *match.source[i];
    const Place place{path_, fmt::format("<{}>", field.name)};
    const std::size_t changes_before = steps_.size() + refusals_.size();
    conversion.parts[from] = compare(saved.fields[from].type, field.type);
    conversion.alternatives[from] = i;
    changed = changed || steps_.size() + refusals_.size() > changes_before;
    conversion.same = conversion.same && conversion.parts[from].same && from == i;
  }
  if (match.by_place && changed && may_have_moved(saved.fields, declared.fields)) {
    refuse(
        "alternatives without names are known by their places, and the saved ones are not the first of the new ones any "
        "more: put new alternatives behind the saved ones, and change the types of those in another step");
  }
  note_names(saved, declared, match);
  return conversion;
}

Conversion::Field Comparison::added_field(const TypeField& field) {
  steps_.push_back(fmt::format("+ {}: {} = {}", at(field.name), type_text(field.type), default_text(field)));
  Result<std::string> bytes = encode_default(field);
  if (bytes) return {.constant = std::move(*bytes)};
  refusals_.push_back(fmt::format("{}: {}: correct its default_of()", at(field.name), bytes.error().message()));
  return {};
}

Conversion Comparison::compare_structs(const Type& saved, const Type& declared) {
  const FieldMatch match = match_fields(saved.fields, declared.fields);
  for (const std::string& ambiguity : match.ambiguities) refuse(ambiguity);
  if (!match.ambiguities.empty()) return {};
  Conversion conversion{.op = Op::kStruct};
  conversion.same = match.removed.empty();
  for (const TypeField& field : saved.fields) conversion.parts.push_back(unchanged(field.type));
  for (std::uint32_t i = 0; i < declared.fields.size(); ++i) {
    if (!match.source[i]) {
      conversion.fields.push_back(added_field(declared.fields[i]));
      conversion.same = false;
      continue;
    }
    const std::uint32_t from = *match.source[i];
    const Place place{path_, field_part(declared.fields[i].name)};
    conversion.parts[from] = compare(saved.fields[from].type, declared.fields[i].type);
    conversion.fields.push_back({.part = from, .constant = {}});
    conversion.same = conversion.same && conversion.parts[from].same && from == i;
  }
  for (const std::uint32_t gone : match.removed) {
    steps_.push_back(fmt::format("- {}: {}", at(saved.fields[gone].name), type_text(saved.fields[gone].type)));
  }
  suggest_alias(saved, declared, match);
  note_names(saved, declared, match);
  return conversion;
}

// One field gone, one of its type come: most likely the same one.
void Comparison::suggest_alias(const Type& saved, const Type& declared, const FieldMatch& match) {
  const auto is_new = [](const auto& source) { return !source; };
  if (match.removed.size() != 1 || std::ranges::count_if(match.source, is_new) != 1) return;
  const auto added = std::ranges::find_if(match.source, is_new);
  const TypeField& gone = saved.fields[match.removed[0]];
  const TypeField& come = declared.fields[static_cast<std::size_t>(added - match.source.begin())];
  if (gone.type != come.type) return;
  steps_.back() +=
      fmt::format(" (lost; if {} is its new name, say alias(\"{}\", \"{}\"))", come.name, come.name, gone.name);
}

void Comparison::note_names(const Type& saved, const Type& declared, const FieldMatch& match) {
  std::int64_t last = -1;
  bool reordered = false;
  for (std::size_t i = 0; i < match.source.size(); ++i) {
    if (!match.source[i]) continue;
    const std::string& old = saved.fields[*match.source[i]].name;
    if (old != declared.fields[i].name) {
      steps_.push_back(fmt::format("{} -> {} (renamed)", at(old), declared.fields[i].name));
    }
    reordered = reordered || *match.source[i] < last;
    last = *match.source[i];
  }
  if (reordered) note(saved.kind == TypeKind::kStruct ? "fields reordered" : "alternatives reordered");
}

void Comparison::refuse_key(const Type& saved, const Type& declared) {
  refuse_change(saved, declared,
                "a key's encoding can't change in place: declare the saved type again, or give the state another name");
}

void Comparison::compare_key_structs(const Type& saved, const Type& declared) {
  if (saved.fields.size() != declared.fields.size()) return refuse_key(saved, declared);
  for (std::size_t i = 0; i < saved.fields.size(); ++i) {
    const TypeField& from = saved.fields[i];
    const TypeField& to = declared.fields[i];
    const bool renamed = std::ranges::find(to.aliases, from.name) != to.aliases.end();
    if (from.name != to.name && !renamed) {
      refuse(fmt::format(
          "the field {} of the key was '{}' and is '{}': a key keeps its fields and their order; one that was "
          "renamed needs alias(\"{}\", \"{}\")",
          i + 1, from.name, to.name, to.name, from.name));
      continue;
    }
    const Place place{path_, field_part(to.name)};
    compare_keys(from.type, to.type);
  }
}

void Comparison::compare_key_enums(const Type& saved, const Type& declared) {
  if (saved.underlying != declared.underlying) return refuse_key(saved, declared);
  for (const TypeEnumerator& old : saved.enumerators) {
    const auto now = std::ranges::find(declared.enumerators, old.name, &TypeEnumerator::name);
    if (now == declared.enumerators.end() || now->value == old.value) continue;
    refuse(fmt::format("the enumerator '{}' of a key was {} and is {}: give it its saved number back", old.name,
                       number_text(saved, old.value), number_text(declared, now->value)));
  }
}

void Comparison::compare_keys(const Type& saved, const Type& declared) {
  if (saved.kind != declared.kind || saved.size != declared.size || saved.unit_num != declared.unit_num ||
      saved.unit_den != declared.unit_den) {
    return refuse_key(saved, declared);
  }
  if (saved.kind == TypeKind::kStruct) return compare_key_structs(saved, declared);
  if (saved.kind == TypeKind::kEnum) return compare_key_enums(saved, declared);
  if (saved.fields.size() != declared.fields.size()) return refuse_key(saved, declared);
  for (std::size_t i = 0; i < saved.fields.size(); ++i) compare_keys(saved.fields[i].type, declared.fields[i].type);
}

}  // namespace

Evolution evolve(const Type& saved, const Type& declared) {
  Comparison comparison;
  Conversion conversion = comparison.compare(saved, declared);
  return std::move(comparison).finish(std::move(conversion));
}

Evolution evolve_key(const Type& saved, const Type& declared) {
  Comparison comparison;
  comparison.compare_keys(saved, declared);
  return std::move(comparison).finish(unchanged(saved));
}

}  // namespace tidemark
