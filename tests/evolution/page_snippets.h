// The snippets of docs/state.md that stand in neither version of its job. check_test.cc compiles them.
#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "tidemark/schema.h"

using tidemark::alternative;
using tidemark::default_of;
using tidemark::enumerator;
using tidemark::schema;

enum class Tier : std::uint8_t { kNone, kGold, kSilver };

template <>
struct tidemark::state_schema_of<Tier> {
  static constexpr auto state_schema =
      schema(enumerator(Tier::kNone, "none"), enumerator(Tier::kGold, "gold"), enumerator(Tier::kSilver, "silver"));
};

struct Transfer {
  std::int64_t to = 0;
};
struct Withdrawal {
  std::string place;
};
using Movement = std::variant<Transfer, Withdrawal>;

template <>
struct tidemark::state_schema_of<Movement> {
  static constexpr auto state_schema = schema(alternative(0, "transfer"), alternative(1, "withdrawal"));
};

class Balance {
 public:
  std::int64_t cents() const { return cents_; }

 private:
  std::int64_t cents_ = 0;
  std::int64_t held_ = 0;

 public:
  static constexpr auto state_schema =
      schema(tidemark::member("cents", &Balance::cents_), tidemark::member("held", &Balance::held_), default_of("held", 0));
};
