#include "api/progress_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace tidemark {
namespace {

constexpr std::int64_t kNsPerSecond = 1'000'000'000;
constexpr std::int64_t kLongestLagMs = 24 * 3'600'000;

// Three digits and a unit: "18.3 M", "436 k".
std::string with_unit(double number, std::string_view suffix) {
  constexpr std::array<std::string_view, 6> kUnits{"", "k", "M", "G", "T", "P"};
  std::size_t unit = 0;
  while (number >= 999.5 && unit + 1 < kUnits.size()) {
    number /= 1000;
    ++unit;
  }
  const int decimals = unit == 0 || number >= 99.95 ? 0 : number >= 9.995 ? 1 : 2;
  const std::string text = fmt::format("{:.{}f}", number, decimals);
  return unit == 0 && suffix.empty() ? text : fmt::format("{} {}{}", text, kUnits[unit], suffix);
}

std::string with_blanks(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3; at -= 3) text.insert(at - 3, 1, ' ');
  return text;
}

std::string format_rate(std::uint64_t records, std::int64_t ns) {
  if (ns <= 0) return "0/s";
  return with_unit(static_cast<double>(records) * kNsPerSecond / static_cast<double>(ns), "") + "/s";
}

std::string format_short(std::int64_t ms) {
  if (ms < 1000) return fmt::format("{} ms", ms);
  if (ms < 10'000) return fmt::format("{:.1f} s", static_cast<double>(ms) / 1000);
  if (ms < 120'000) return fmt::format("{} s", ms / 1000);
  return fmt::format("{} min", ms / 60'000);
}

std::string seconds_of(Timestamp t) {
  const std::string text = to_string(t);
  return text.substr(0, text.rfind('.'));
}

std::string describe_watermark(const JobSample& now) {
  if (now.watermark == Timestamp::min()) return "no watermark yet";
  if (now.watermark == Timestamp::max()) return "watermark at the end";
  const std::int64_t lag_ms = now.wall_ms - now.watermark.ms();
  const std::string text = "watermark " + seconds_of(now.watermark);
  return lag_ms < 0 || lag_ms > kLongestLagMs ? text : fmt::format("{} (lag {})", text, format_short(lag_ms));
}

std::string describe_checkpoints(const JobSample& now) {
  std::string text;
  if (const auto& last = now.checkpoints.last_completed) {
    text = fmt::format("  checkpoint {}: {} ago, {}, {}", last->id, format_short(std::max<std::int64_t>(now.wall_ms - last->completed_wall_ms, 0)),
                       format_short(last->duration_ms), format_bytes(last->bytes));
  }
  if (now.checkpoints.failed > 0) text += fmt::format("  {} failed", now.checkpoints.failed);
  return text;
}

std::string describe_losses(const JobSample& now) {
  std::string text;
  if (now.late_dropped > 0) text += fmt::format("  late {}", format_count(now.late_dropped));
  if (now.skipped > 0) text += fmt::format("  skipped {}", format_count(now.skipped));
  if (now.restarts > 0) text += fmt::format("  restarts {}", now.restarts);
  return text;
}

}  // namespace

std::string format_count(std::uint64_t number) {
  return number < 100'000 ? with_blanks(number) : with_unit(static_cast<double>(number), "");
}

std::string format_bytes(std::uint64_t bytes) { return with_unit(static_cast<double>(bytes), "B"); }

std::string format_elapsed(std::int64_t ns) {
  const std::int64_t seconds = ns / kNsPerSecond;
  const std::string text = fmt::format("{:02}:{:02}", seconds / 60 % 60, seconds % 60);
  return seconds < 3600 ? text : fmt::format("{}:{}", seconds / 3600, text);
}

std::string progress_line(const JobSample& before, const JobSample& now) {
  const std::uint64_t records = now.records_in - std::min(now.records_in, before.records_in);
  return fmt::format("{}  {} {}  in {} ({})  out {}  {}{}{}", now.job, to_string(now.state), format_elapsed(now.running_ns),
                     format_count(now.records_in), format_rate(records, now.steady_ns - before.steady_ns), format_count(now.records_out),
                     describe_watermark(now), describe_losses(now), describe_checkpoints(now));
}

std::string summary_line(const JobSample& end) {
  std::string text = fmt::format("{}  {} after {}  in {} ({})  out {}{}", end.job, to_string(end.state), format_elapsed(end.running_ns),
                                 format_count(end.records_in), format_rate(end.records_in, end.running_ns), format_count(end.records_out),
                                 describe_losses(end));
  if (end.checkpoints.completed + end.checkpoints.failed == 0) return text;
  text += fmt::format("  {} checkpoint{}", end.checkpoints.completed, end.checkpoints.completed == 1 ? "" : "s");
  if (end.checkpoints.failed > 0) text += fmt::format(" ({} failed)", end.checkpoints.failed);
  return text;
}

std::string skew_line(const std::vector<VertexMetrics>& vertices) {
  std::string text;
  for (const VertexMetrics& vertex : vertices) {
    if (vertex.subtasks.size() > 1) text += fmt::format("{}{} {:.2f}", text.empty() ? "" : ", ", vertex.name, skew(vertex));
  }
  return text.empty() ? text : "records of the busiest subtask over the mean: " + text;
}

}  // namespace tidemark
