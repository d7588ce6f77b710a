#include "config/parse_value.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <span>

namespace tidemark {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t size;  // in the smallest of its kind
};

// For each length, the name that format_duration writes comes first.
constexpr Unit kTimes[] = {
    {"d", 86'400'000},    {"day", 86'400'000}, {"days", 86'400'000}, {"h", 3'600'000},    {"hour", 3'600'000},
    {"hours", 3'600'000}, {"min", 60'000},     {"m", 60'000},        {"minute", 60'000},  {"minutes", 60'000},
    {"s", 1000},          {"sec", 1000},       {"second", 1000},     {"seconds", 1000},   {"ms", 1},
    {"milli", 1},         {"millis", 1},       {"millisecond", 1},   {"milliseconds", 1},
};
constexpr std::int64_t kLongestMs = 36'500 * std::int64_t{86'400'000};
constexpr Unit kSizes[] = {
    {"tb", std::int64_t{1} << 40}, {"t", std::int64_t{1} << 40}, {"gb", 1 << 30}, {"g", 1 << 30}, {"mb", 1 << 20},
    {"m", 1 << 20},                {"kb", 1 << 10},              {"k", 1 << 10},  {"b", 1},       {"bytes", 1},
};
constexpr std::int64_t kMostBytes = std::int64_t{1} << 60;

template <class T>
std::optional<T> parse_number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool is_same_word(std::string_view one, std::string_view other) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::ranges::equal(one, other, {}, lower, lower);
}

// A number of units, at most so many of the smallest; without one only 0.
std::optional<std::int64_t> parse_quantity(std::string_view text, std::span<const Unit> units, std::int64_t most) {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto number = parse_number<std::int64_t>(text.substr(0, digits));
  if (!number) return std::nullopt;
  std::string_view unit = text.substr(digits);
  while (unit.starts_with(' ')) unit.remove_prefix(1);
  if (unit.empty()) return *number == 0 ? number : std::nullopt;
  const auto known = std::ranges::find_if(units, [&](const Unit& one) { return is_same_word(one.name, unit); });
  if (known == units.end() || *number > most / known->size) return std::nullopt;
  return *number * known->size;
}

std::string format_quantity(std::int64_t quantity, std::span<const Unit> units) {
  if (quantity == 0) return "0";
  const auto exact = std::ranges::find_if(units, [&](const Unit& unit) { return quantity % unit.size == 0; });
  return std::to_string(quantity / exact->size).append(exact->name);
}

}  // namespace

std::optional<Duration> parse_duration(std::string_view text) {
  const auto ms = parse_quantity(text, kTimes, kLongestMs);
  return ms ? std::optional{Duration{*ms}} : std::nullopt;
}

std::string format_duration(Duration duration) { return format_quantity(duration.count(), kTimes); }

std::optional<std::int64_t> parse_bytes(std::string_view text) { return parse_quantity(text, kSizes, kMostBytes); }

std::string format_bytes(std::int64_t bytes) { return format_quantity(bytes, kSizes); }

std::optional<std::int64_t> parse_int64(std::string_view text) { return parse_number<std::int64_t>(text); }

std::optional<double> parse_double(std::string_view text) {
  const auto value = parse_number<double>(text);
  return value && std::isfinite(*value) ? value : std::nullopt;
}

std::optional<bool> parse_bool(std::string_view text) {
  if (is_same_word(text, "true")) return true;
  if (is_same_word(text, "false")) return false;
  return std::nullopt;
}

}  // namespace tidemark
