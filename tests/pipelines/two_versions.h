// A job's types in two versions, between which fields are added, removed, reordered, renamed and widened. What the second
// version makes of saved values is what it would have computed itself.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "tidemark/tidemark.h"

namespace tidemark {

struct Payment {
  std::int64_t account = 0;
  std::int64_t amount = 0;
  Timestamp at;
};
struct Limit {
  std::string name;
  std::int64_t amount = 0;
  Timestamp at;
};
struct Row {
  std::string text;
  std::int64_t number = 0;
};

enum class Tier : std::uint8_t { kLow = 1, kHigh = 2 };
enum class MoreTiers : std::int16_t { kNone = 1, kLow = 2, kHigh = 3 };

template <>
struct state_schema_of<Tier> {
  static constexpr auto state_schema = schema(enumerator(Tier::kLow, "low"), enumerator(Tier::kHigh, "high"));
};
template <>
struct state_schema_of<MoreTiers> {
  static constexpr auto state_schema =
      schema(enumerator(MoreTiers::kNone, "none"), enumerator(MoreTiers::kLow, "low"),
             enumerator(MoreTiers::kHigh, "high"));
};

struct Before {
  using Level = Tier;
  struct Account {
    std::int32_t count = 0;
    std::string owner_name = "nobody";
    Level level = Level::kLow;
    std::int64_t last = 0;
    std::string& owner() { return owner_name; }
    const std::string& owner() const { return owner_name; }
    std::int64_t bonus() const { return 5; }
  };
  struct Item {
    std::int32_t amount = 0;
    std::int64_t dropped = 7;
    std::int64_t worth() const { return amount + 5; }
  };
  struct Mean {
    std::uint32_t count = 0;
    std::int64_t sum = 0;
  };
};

struct After {
  using Level = MoreTiers;
  struct Account {
    std::int64_t limit = 5;
    std::optional<std::int64_t> last;
    std::string owner_text = "nobody";
    Level level = Level::kLow;
    std::int64_t count = 0;
    std::string& owner() { return owner_text; }
    const std::string& owner() const { return owner_text; }
    std::int64_t bonus() const { return limit; }
    static constexpr auto state_schema = schema(alias("owner_text", "owner_name"), default_of("limit", 5));
  };
  struct Item {
    std::int64_t bonus = 5;
    std::int64_t amount = 0;
    std::int64_t worth() const { return amount + bonus; }
    static constexpr auto state_schema = schema(default_of("bonus", 5));
  };
  struct Mean {
    std::int64_t sum = 0;
    std::int64_t count = 0;
  };
};

template <class Types>
struct MeanAmount {
  using Accumulator = typename Types::Mean;
  void add(Accumulator& mean, const Payment& payment) const {
    ++mean.count;
    mean.sum += payment.amount;
  }
  void merge(Accumulator& into, const Accumulator& from) const {
    into.count += from.count;
    into.sum += from.sum;
  }
  std::int64_t result(const Accumulator& mean) const { return mean.sum * 1000 / static_cast<std::int64_t>(mean.count); }
};

struct Larger {
  template <class Item>
  Item operator()(const Item& a, const Item& b) const {
    return a.amount < b.amount ? b : a;
  }
};

}  // namespace tidemark
