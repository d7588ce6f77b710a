#include "control/metric.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "codec/utf8.h"

namespace tidemark {
namespace {

constexpr std::size_t kLongestLabel = 256;
constexpr double kLargestWhole = 9e15;  // a double has all whole numbers up to there

bool is_of_a_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }

std::string plain_name(std::string_view name) {
  std::string plain{name};
  std::ranges::replace_if(plain, [](char c) { return !is_of_a_name(c); }, '_');
  return plain;
}

/// What is no UTF-8, and what a terminal would obey, becomes '?'.
std::string plain_value(std::string value) {
  if (value.size() > kLongestLabel) {
    std::size_t end = kLongestLabel;
    while (end > 0 && (static_cast<unsigned char>(value[end]) & 0xC0) == 0x80) --end;  // not within a character
    value.resize(end);
  }
  for (std::size_t at = find_invalid_utf8(value); at != std::string::npos; at = find_invalid_utf8(value)) value[at] = '?';
  std::ranges::replace_if(value, [](char c) { return (static_cast<unsigned char>(c) < ' ' && c != '\n') || c == 127; }, '?');
  return value;
}

std::string escaped(const std::string& value) {
  std::string result;
  for (const char c : plain_value(value)) {
    if (c == '\\' || c == '"') result += '\\';
    if (c == '\n') {
      result += "\\n";
    } else {
      result += c;
    }
  }
  return result;
}

std::string labels_of(const MetricGroup& group) {
  std::string result;
  for (const MetricLabel& label : group.labels) {
    result += fmt::format("{}{}=\"{}\"", result.empty() ? "" : ",", plain_name(label.name), escaped(label.value));
  }
  return result.empty() ? result : "{" + result + "}";
}

}  // namespace

std::string to_text(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  const bool is_whole = std::abs(value) <= kLargestWhole && value == std::floor(value);
  return is_whole ? fmt::format("{}", static_cast<std::int64_t>(value)) : fmt::format("{}", value);
}

// All lines of a name must stand together.
std::string prometheus_text(const std::vector<MetricGroup>& groups) {
  std::map<std::string, std::string> by_name;
  for (const MetricGroup& group : groups) {
    const std::string labels = labels_of(group);
    for (const Metric& metric : group.metrics) {
      const std::string name = fmt::format("flink_{}_{}", plain_name(group.scope), plain_name(metric.name));
      std::string& lines = by_name[name];
      if (lines.empty()) lines = fmt::format("# TYPE {} {}\n", name, metric.kind == MetricKind::kCounter ? "counter" : "gauge");
      lines += fmt::format("{}{} {}\n", name, labels, to_text(metric.value));
    }
  }
  std::string text;
  for (const auto& [name, lines] : by_name) text += lines;
  return text;
}

}  // namespace tidemark
