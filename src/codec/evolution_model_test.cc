// Random types, changed at random in every allowed way, against a model: values as trees, encoded by the rules alone.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <functional>
#include <map>
#include <numeric>
#include <random>

#include "codec/evolution.h"
#include "codec/schema.h"

namespace tidemark {
namespace {

struct Value {
  std::int64_t number = 0;  // also of a bool, a time, an enum; whether an optional has one; a variant's index
  double real = 0;
  std::string text;
  std::vector<Value> parts;
};

bool is_integer(TypeKind kind) { return kind >= TypeKind::kInt8 && kind <= TypeKind::kUint64; }

void encode_integer(TypeKind kind, std::int64_t number, detail::ByteWriter& out) {
  if (kind == TypeKind::kInt8 || kind == TypeKind::kUint8) return out.put_u8(static_cast<std::uint8_t>(number));
  if (kind >= TypeKind::kUint16) return out.put_varint(static_cast<std::uint64_t>(number));
  out.put_signed_varint(number);
}

void encode(const Type& type, const Value& value, detail::ByteWriter& out) {
  const auto part_type = [&](std::size_t i) -> const Type& { return type.fields[i].type; };
  switch (type.kind) {
    case TypeKind::kBool:
      return out.put_u8(static_cast<std::uint8_t>(value.number));
    case TypeKind::kFloat32:
      return out.put_u32(std::bit_cast<std::uint32_t>(static_cast<float>(value.real)));
    case TypeKind::kFloat64:
      return out.put_u64(std::bit_cast<std::uint64_t>(value.real));
    case TypeKind::kString:
    case TypeKind::kBytes:
      return out.put_string(value.text);
    case TypeKind::kEnum:
      return encode_integer(type.underlying, value.number, out);
    case TypeKind::kOptional:
      out.put_u8(static_cast<std::uint8_t>(value.number));
      if (value.number != 0) encode(part_type(0), value.parts[0], out);
      return;
    case TypeKind::kList:
      out.put_varint(value.parts.size());
      [[fallthrough]];
    case TypeKind::kArray:
      for (const Value& part : value.parts) encode(part_type(0), part, out);
      return;
    case TypeKind::kMap:
      out.put_varint(value.parts.size() / 2);
      for (std::size_t i = 0; i < value.parts.size(); ++i) encode(part_type(i % 2), value.parts[i], out);
      return;
    case TypeKind::kVariant:
      out.put_varint(static_cast<std::uint64_t>(value.number));
      return encode(part_type(static_cast<std::size_t>(value.number)), value.parts[0], out);
    case TypeKind::kStruct:
      if (type.fields.empty()) out.put_u8(0);
      for (std::size_t i = 0; i < type.fields.size(); ++i) encode(part_type(i), value.parts[i], out);
      return;
    default:
      if (is_integer(type.kind)) return encode_integer(type.kind, value.number, out);
      out.put_signed_varint(value.number);
  }
}

std::string encoded(const Type& type, const Value& value) {
  detail::ByteWriter out;
  encode(type, value, out);
  return out.take();
}

/// A declared type and what a saved value is in it.
struct Change {
  Type type;
  std::function<Value(const Value&)> of;
};

class Chance {
 public:
  explicit Chance(std::uint64_t seed) : random_{seed} {}

  std::size_t below(std::size_t limit) { return random_() % limit; }
  bool one_in(std::size_t n) { return below(n) == 0; }

  Type type(int depth) {
    static constexpr std::array kLeaves = {
        TypeKind::kBool,   TypeKind::kInt8,    TypeKind::kInt16,     TypeKind::kInt32,
        TypeKind::kInt64,  TypeKind::kUint8,   TypeKind::kUint16,    TypeKind::kUint32,
        TypeKind::kUint64, TypeKind::kFloat32, TypeKind::kFloat64,   TypeKind::kString,
        TypeKind::kBytes,  TypeKind::kDate,    TypeKind::kTimestamp, TypeKind::kEnum};
    static constexpr std::array kBranches = {TypeKind::kOptional, TypeKind::kList,    TypeKind::kArray,
                                             TypeKind::kMap,      TypeKind::kVariant, TypeKind::kStruct};
    if (depth == 0 || one_in(3)) return leaf(kLeaves[below(kLeaves.size())]);
    Type result{.kind = kBranches[below(kBranches.size())]};
    switch (result.kind) {
      case TypeKind::kArray:
        result.size = 1 + below(3);
        [[fallthrough]];
      case TypeKind::kOptional:
      case TypeKind::kList:
        result.fields.push_back({.type = type(depth - 1)});
        break;
      case TypeKind::kMap:
        result.fields.push_back({.type = leaf(TypeKind::kInt32)});
        result.fields.push_back({.type = type(depth - 1)});
        break;
      default:
        for (std::size_t left = (result.kind == TypeKind::kVariant ? 1 : 0) + below(5); left > 0; --left) {
          result.fields.push_back({.name = new_name(), .type = type(depth - 1)});
        }
    }
    return result;
  }

  Value value(const Type& type) {
    Value result{.number = static_cast<std::int64_t>(random_())};
    switch (type.kind) {
      case TypeKind::kBool:
        result.number = static_cast<std::int64_t>(below(2));
        break;
      case TypeKind::kEnum:
        result.number = type.enumerators[below(type.enumerators.size())].value;
        break;
      case TypeKind::kFloat32:
      case TypeKind::kFloat64:
        result.real = static_cast<float>(static_cast<double>(below(1000)) / 8 - 30);
        break;
      case TypeKind::kString:
      case TypeKind::kBytes:
        result.text = std::string(below(20), static_cast<char>('a' + below(26)));
        break;
      case TypeKind::kOptional:
        result.number = static_cast<std::int64_t>(below(2));
        if (result.number != 0) result.parts.push_back(value(type.fields[0].type));
        break;
      case TypeKind::kList:
        for (std::size_t left = below(4); left > 0; --left) result.parts.push_back(value(type.fields[0].type));
        break;
      case TypeKind::kArray:
        for (std::size_t left = type.size; left > 0; --left) result.parts.push_back(value(type.fields[0].type));
        break;
      case TypeKind::kMap:
        for (std::size_t left = 2 * below(4); left > 0; --left)
          result.parts.push_back(value(type.fields[left % 2].type));
        break;
      case TypeKind::kVariant:
        result.number = static_cast<std::int64_t>(below(type.fields.size()));
        result.parts.push_back(value(type.fields[static_cast<std::size_t>(result.number)].type));
        break;
      case TypeKind::kStruct:
        for (const TypeField& field : type.fields) result.parts.push_back(value(field.type));
        break;
      default:
        result.number = truncated(type.kind, result.number);
    }
    return result;
  }

  Change change(const Type& from) {
    if (one_in(8)) {
      Change inner = change(from);
      Type optional{.kind = TypeKind::kOptional};
      if (from.kind != TypeKind::kOptional) {
        optional.fields.push_back({.type = inner.type});
        return {optional, [inner](const Value& v) { return Value{.number = 1, .parts = {inner.of(v)}}; }};
      }
    }
    switch (from.kind) {
      case TypeKind::kEnum:
        return change_enum(from);
      case TypeKind::kFloat32:
        return {one_in(2) ? Type{.kind = TypeKind::kFloat64} : from, std::identity{}};
      case TypeKind::kOptional:
      case TypeKind::kList:
      case TypeKind::kArray:
        return change_elements(from, 1);
      case TypeKind::kMap:
        return change_elements(from, 2);
      case TypeKind::kVariant:
        return change_variant(from);
      case TypeKind::kStruct:
        return change_struct(from);
      default:
        return {is_integer(from.kind) && one_in(2) ? Type{.kind = wider(from.kind)} : from, std::identity{}};
    }
  }

 private:
  std::string new_name() { return "n" + std::to_string(next_name_++); }

  Type leaf(TypeKind kind) {
    Type result{.kind = kind};
    if (kind != TypeKind::kEnum) return result;
    result.underlying = one_in(2) ? TypeKind::kUint8 : TypeKind::kInt16;
    for (std::int64_t i = 0; i < 4; ++i) result.enumerators.push_back({new_name(), i * 3});
    return result;
  }

  static std::int64_t truncated(TypeKind kind, std::int64_t number) {
    switch (kind) {
      case TypeKind::kInt8:
        return static_cast<std::int8_t>(number);
      case TypeKind::kInt16:
        return static_cast<std::int16_t>(number);
      case TypeKind::kInt32:
        return static_cast<std::int32_t>(number);
      case TypeKind::kUint8:
        return static_cast<std::uint8_t>(number);
      case TypeKind::kUint16:
        return static_cast<std::uint16_t>(number);
      case TypeKind::kUint32:
        return static_cast<std::uint32_t>(number);
      default:
        return number;
    }
  }

  TypeKind wider(TypeKind kind) {
    const auto up_to = [this](TypeKind from, TypeKind last) {
      return static_cast<TypeKind>(static_cast<std::size_t>(from) +
                                   below(static_cast<std::size_t>(last) - static_cast<std::size_t>(from) + 1));
    };
    if (kind <= TypeKind::kInt64) return up_to(kind, TypeKind::kInt64);
    if (kind == TypeKind::kUint64 || one_in(2)) return up_to(kind, TypeKind::kUint64);
    constexpr int kToNextSigned = static_cast<int>(TypeKind::kUint8) - static_cast<int>(TypeKind::kInt16);
    return up_to(static_cast<TypeKind>(static_cast<int>(kind) - kToNextSigned), TypeKind::kInt64);
  }

  Change change_enum(const Type& from) {
    Type to = from;
    if (one_in(2)) to.underlying = TypeKind::kInt32;
    std::vector<std::int64_t> numbers{0, 1, 3, 6, 9, 100};
    if (one_in(2))
      std::shuffle(numbers.begin(), numbers.end(), random_);
    else
      numbers = {0, 3, 6, 9, 100};
    std::map<std::int64_t, std::int64_t> renumbered;
    for (std::size_t i = 0; i < 4; ++i) {
      renumbered[from.enumerators[i].value] = numbers[i];
      to.enumerators[i].value = numbers[i];
    }
    to.enumerators.push_back({new_name(), numbers[4]});
    std::ranges::sort(to.enumerators, {}, &TypeEnumerator::value);
    return {to, [renumbered](const Value& v) { return Value{.number = renumbered.at(v.number)}; }};
  }

  /// Every part that is the `stride`-th of its group; keys stay.
  Change change_elements(const Type& from, std::size_t stride) {
    Type to = from;
    const Change element = change(from.fields[stride - 1].type);
    to.fields[stride - 1].type = element.type;
    return {to, [element, stride](const Value& v) {
              Value result = v;
              for (std::size_t i = stride - 1; i < result.parts.size(); i += stride)
                result.parts[i] = element.of(v.parts[i]);
              return result;
            }};
  }

  Change change_variant(const Type& from) {
    Type to{.kind = TypeKind::kVariant};
    std::vector<std::size_t> order(from.fields.size());
    std::iota(order.begin(), order.end(), 0);
    if (one_in(2)) std::shuffle(order.begin(), order.end(), random_);
    std::map<std::int64_t, std::pair<std::int64_t, Change>> changes;
    for (const std::size_t old : order) {
      const Change alternative = change(from.fields[old].type);
      changes[static_cast<std::int64_t>(old)] = {static_cast<std::int64_t>(to.fields.size()), alternative};
      to.fields.push_back({.name = from.fields[old].name, .type = alternative.type});
    }
    if (one_in(2)) to.fields.push_back({.name = new_name(), .type = type(1)});
    return {to, [changes](const Value& v) {
              const auto& [index, alternative] = changes.at(v.number);
              return Value{.number = index, .parts = {alternative.of(v.parts[0])}};
            }};
  }

  Change change_struct(const Type& from) {
    Type to{.kind = TypeKind::kStruct};
    std::vector<std::size_t> order(from.fields.size());
    std::iota(order.begin(), order.end(), 0);
    if (one_in(3)) std::shuffle(order.begin(), order.end(), random_);
    std::vector<std::function<Value(const Value&)>> fields;
    for (const std::size_t old : order) {
      if (one_in(6)) continue;
      if (one_in(4)) {
        const auto number = static_cast<std::int64_t>(below(100));
        to.fields.push_back(
            {.name = new_name(), .type = {.kind = TypeKind::kInt16}, .default_json = std::to_string(number)});
        fields.push_back([number](const Value&) { return Value{.number = number}; });
      }
      if (one_in(4)) {
        to.fields.push_back({.name = new_name(), .type = {.kind = TypeKind::kFloat32}});
        fields.push_back([](const Value&) { return Value{}; });
      }
      const Change field = change(from.fields[old].type);
      const bool renamed = one_in(4);
      to.fields.push_back({.name = renamed ? new_name() : from.fields[old].name, .type = field.type});
      if (renamed) to.fields.back().aliases = {"never", from.fields[old].name};
      fields.push_back([old, field](const Value& v) { return field.of(v.parts[old]); });
    }
    return {to, [fields](const Value& v) {
              Value result;
              for (const auto& field : fields) result.parts.push_back(field(v));
              return result;
            }};
  }

  std::mt19937_64 random_;
  std::uint64_t next_name_ = 0;
};

TEST(EvolutionModel, EveryAllowedChangeMakesTheBytesThatTheModelMakes) {
  int converted = 0;
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    Chance chance{seed};
    const Type saved = chance.type(4);
    const Change change = chance.change(saved);
    const Evolution how = evolve(saved, change.type);
    ASSERT_NE(how.kind, Evolution::Kind::kRefused) << "seed " << seed << ": " << schema_json(saved) << "\n"
                                                   << schema_json(change.type) << "\n"
                                                   << how.refusals.front();
    for (int i = 0; i < 5; ++i) {
      const Value value = chance.value(saved);
      detail::ByteWriter out;
      ASSERT_TRUE(convert_value(how.conversion, encoded(saved, value), out))
          << "seed " << seed << ": " << schema_json(saved);
      ASSERT_EQ(out.view(), encoded(change.type, change.of(value)))
          << "seed " << seed << ": " << schema_json(saved) << "\n"
          << schema_json(change.type);
      converted += how.conversion.same ? 0 : 1;
    }
  }
  EXPECT_GT(converted, 5000);
}

TEST(EvolutionModel, ATypeIsTheSameAsItselfAndItsValuesStayAsTheyAre) {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    Chance chance{seed};
    const Type type = chance.type(4);
    const Evolution how = evolve(type, type);
    ASSERT_EQ(how.kind, Evolution::Kind::kSame);
    ASSERT_TRUE(how.conversion.same);
    const std::string bytes = encoded(type, chance.value(type));
    detail::ByteWriter out;
    ASSERT_TRUE(convert_value(how.conversion, bytes, out)) << schema_json(type);
    ASSERT_EQ(out.view(), bytes);
  }
}

// Unrelated types are mostly refused; where they are not, what comes out is a value of the declared one. Damaged bytes
// are refused or come out as something: nothing is read beyond them.
TEST(EvolutionModel, WhateverTheTypesAndBytesTheResultIsAValueOrAnError) {
  int tried = 0;
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    Chance chance{seed};
    const Type saved = chance.type(3);
    const Type declared = chance.one_in(2) ? chance.type(3) : chance.change(saved).type;
    const Evolution how = evolve(saved, declared);
    ASSERT_EQ(how.kind == Evolution::Kind::kRefused, !how.refusals.empty());
    if (how.kind == Evolution::Kind::kRefused) continue;
    std::string bytes = encoded(saved, chance.value(saved));
    detail::ByteWriter out;
    ASSERT_TRUE(convert_value(how.conversion, bytes, out));
    detail::ByteWriter again;
    ASSERT_TRUE(convert_value(evolve(declared, declared).conversion, out.view(), again)) << schema_json(declared);
    for (int i = 0; i < 5; ++i) {
      bytes[chance.below(bytes.size())] = static_cast<char>(chance.below(256));
      convert_value(how.conversion, bytes, out);
      ++tried;
    }
  }
  EXPECT_GT(tried, 1000);
}

}  // namespace
}  // namespace tidemark
