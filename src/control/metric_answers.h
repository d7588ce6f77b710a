// How metrics are answered: as Flink has it, by `get` and `agg` of the query. Pure, any thread.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "control/http.h"
#include "control/metric.h"

namespace tidemark {

using MetricValues = std::vector<std::pair<std::string, std::string>>;

/// The words that the query's parameter has, with commas between.
std::vector<std::string> words_of(const std::map<std::string, std::string>& query, const std::string& parameter);

/// Puts them behind the others, each with `before` ahead of its name.
void append(const std::string& before, const std::vector<Metric>& metrics, MetricValues& to);

/// [{"id", "value"}] of those that `get` names; without it the names of all.
HttpResponse answer_values(const MetricValues& values, const std::map<std::string, std::string>& query);
/// Those whose values are in such an answer; none of what is no such answer.
std::vector<Metric> metrics_in(const std::string& answer);
/// Of those that `get` names [{"id", "min", "max", "avg", "sum", "skew"}] over all that have them, or those of them that `agg` names;
/// without `get` the names of all.
HttpResponse answer_aggregates(const std::vector<std::vector<Metric>>& of_each, const std::map<std::string, std::string>& query);

}  // namespace tidemark
