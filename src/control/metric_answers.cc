#include "control/metric_answers.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <ranges>
#include <string_view>

#include "control/http_answer.h"

namespace tidemark {
namespace {

using Json = nlohmann::json;
using Query = std::map<std::string, std::string>;

bool contains(const std::vector<std::string>& words, std::string_view word) { return std::ranges::find(words, word) != words.end(); }

Json aggregates(const std::vector<double>& values, const std::vector<std::string>& wanted) {
  double sum = 0;
  for (const double value : values) sum += value;
  const double most = std::ranges::max(values);
  const double mean = sum / static_cast<double>(values.size());
  const std::vector<std::pair<std::string, double>> all{{"min", std::ranges::min(values)},
                                                        {"max", most},
                                                        {"avg", mean},
                                                        {"sum", sum},
                                                        {"skew", mean == 0 ? 1 : most / mean}};
  Json result = Json::object();
  for (const auto& [name, value] : all) {
    if (wanted.empty() || contains(wanted, name)) result[name] = value;
  }
  return result;
}

}  // namespace

std::vector<std::string> words_of(const Query& query, const std::string& parameter) {
  std::vector<std::string> words;
  const auto found = query.find(parameter);
  if (found == query.end()) return words;
  for (const auto word : std::views::split(found->second, ',')) words.emplace_back(word.begin(), word.end());
  return words;
}

void append(const std::string& before, const std::vector<Metric>& metrics, MetricValues& to) {
  for (const Metric& metric : metrics) to.emplace_back(before + metric.name, to_text(metric.value));
}

HttpResponse answer_values(const MetricValues& values, const Query& query) {
  Json metrics = Json::array();
  const std::vector<std::string> wanted = words_of(query, "get");
  for (const auto& [name, value] : values) {
    if (!query.contains("get")) {
      metrics.push_back({{"id", name}});
    } else if (contains(wanted, name)) {
      metrics.push_back({{"id", name}, {"value", value}});
    }
  }
  return answer_with(200, metrics);
}

std::vector<Metric> metrics_in(const std::string& answer) {
  std::vector<Metric> metrics;
  const Json json = Json::parse(answer, nullptr, false);
  if (!json.is_array()) return metrics;
  for (const Json& entry : json) {
    if (!entry.is_object() || !entry.contains("id") || !entry["id"].is_string()) continue;
    const std::string value = entry.contains("value") && entry["value"].is_string() ? entry["value"].get<std::string>() : "0";
    Metric& metric = metrics.emplace_back(Metric{.name = entry["id"].get<std::string>()});
    std::from_chars(value.data(), value.data() + value.size(), metric.value);
  }
  return metrics;
}

HttpResponse answer_aggregates(const std::vector<std::vector<Metric>>& of_each, const Query& query) {
  std::map<std::string, std::vector<double>> by_name;
  for (const std::vector<Metric>& metrics : of_each) {
    for (const Metric& metric : metrics) by_name[metric.name].push_back(metric.value);
  }
  const std::vector<std::string> wanted = words_of(query, "get");
  Json answer = Json::array();
  for (const auto& [name, values] : by_name) {
    if (query.contains("get") && !contains(wanted, name)) continue;
    Json entry = query.contains("get") ? aggregates(values, words_of(query, "agg")) : Json::object();
    entry["id"] = name;
    answer.push_back(std::move(entry));
  }
  return answer_with(200, answer);
}

}  // namespace tidemark
