#include "config/parse_value.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace tidemark {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t ms;
};

// For each length, the name that format_duration writes comes first.
constexpr Unit kUnits[] = {
    {"d", 86'400'000},    {"day", 86'400'000}, {"days", 86'400'000}, {"h", 3'600'000},    {"hour", 3'600'000},
    {"hours", 3'600'000}, {"min", 60'000},     {"m", 60'000},        {"minute", 60'000},  {"minutes", 60'000},
    {"s", 1000},          {"sec", 1000},       {"second", 1000},     {"seconds", 1000},   {"ms", 1},
    {"milli", 1},         {"millis", 1},       {"millisecond", 1},   {"milliseconds", 1},
};
constexpr std::int64_t kLongestMs = 36'500 * std::int64_t{86'400'000};

template <class T>
std::optional<T> parse_number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::optional<Duration> parse_duration(std::string_view text) {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto number = parse_number<std::int64_t>(text.substr(0, digits));
  if (!number) return std::nullopt;
  std::string_view unit = text.substr(digits);
  while (unit.starts_with(' ')) unit.remove_prefix(1);
  if (unit.empty()) return *number == 0 ? std::optional{Duration{0}} : std::nullopt;
  for (const Unit& known : kUnits) {
    if (unit == known.name)
      return *number <= kLongestMs / known.ms ? std::optional{Duration{*number * known.ms}} : std::nullopt;
  }
  return std::nullopt;
}

std::string format_duration(Duration duration) {
  const std::int64_t ms = duration.count();
  if (ms == 0) return "0";
  for (const Unit& unit : kUnits) {
    if (ms % unit.ms == 0) return std::to_string(ms / unit.ms).append(unit.name);
  }
  return std::to_string(ms) + "ms";
}

std::optional<std::int64_t> parse_int64(std::string_view text) { return parse_number<std::int64_t>(text); }

std::optional<double> parse_double(std::string_view text) {
  const auto value = parse_number<double>(text);
  return value && std::isfinite(*value) ? value : std::nullopt;
}

std::optional<bool> parse_bool(std::string_view text) {
  if (text == "true") return true;
  if (text == "false") return false;
  return std::nullopt;
}

}  // namespace tidemark
