// Metrics: figures of a process, a job, a task or an operator, as Flink names them, and their form for Prometheus.
//
// Who has figures lists them when somebody asks; nothing is counted for that. Plain data by value, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark {

enum class MetricKind : std::uint8_t {
  kGauge,    ///< goes up and down
  kCounter,  ///< only grows, until its process or attempt begins anew
};

struct Metric {
  std::string name;  ///< Flink's: "numRecordsIn", "Status.Process.CPU.Time"
  double value = 0;
  MetricKind kind = MetricKind::kGauge;
};

struct MetricLabel {
  std::string name;  ///< Flink's: "job_name"
  std::string value;
};

/// Figures of one thing.
struct MetricGroup {
  std::string scope;  ///< what it is, as Flink has it: "taskmanager_job_task"
  std::vector<MetricLabel> labels;  ///< which it is
  std::vector<Metric> metrics;
};

/// Whole numbers without a point.
std::string to_text(double value);

/// In Prometheus's text format 0.0.4: "flink_SCOPE_NAME{labels} value". Whatever names and labels have in them, it is sound; labels
/// longer than 256 bytes are cut.
std::string prometheus_text(const std::vector<MetricGroup>& groups);
/// The media type of that.
inline constexpr std::string_view kPrometheusType = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace tidemark
