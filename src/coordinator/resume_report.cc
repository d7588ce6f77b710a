#include "coordinator/resume_report.h"

#include <fmt/format.h>

#include <utility>

namespace tidemark {
namespace {

std::string size_text(std::uint64_t bytes) {
  const auto mb = static_cast<double>(bytes) / 1e6;
  return mb < 1000 ? fmt::format("{:.1f} MB", mb) : fmt::format("{:.1f} GB", mb / 1000);
}

std::string time_text(std::int64_t ns) {
  const std::int64_t ms = ns / 1'000'000;
  return ms < 10'000 ? fmt::format("{} ms", ms) : fmt::format("{:.1f} s", static_cast<double>(ms) / 1000);
}

}  // namespace

std::optional<std::string> ResumeReport::running(std::string from) {
  from_ = std::move(from);
  is_running_ = true;
  return resumed();
}

std::optional<std::string> ResumeReport::on(const LoadEvent& event, std::int64_t now_ns) {
  switch (event.kind) {
    case LoadEvent::Kind::kLoadsBehind:
      bytes_ += event.bytes;
      ++loading_;
      loaded_ns_.reset();
      return std::nullopt;
    case LoadEvent::Kind::kFirstRecord:
      if (first_record_ns_) return std::nullopt;
      first_record_ns_ = now_ns;
      return resumed();
    case LoadEvent::Kind::kAllLoaded:
      if (--loading_ > 0) return std::nullopt;
      loaded_ns_ = now_ns;
      if (!is_running_) return std::nullopt;
      if (auto line = resumed()) return line;
      return fmt::format("restored state is loaded: {} after {}", size_text(bytes_), time_text(now_ns - begin_ns_));
  }
  return std::nullopt;
}

std::optional<std::string> ResumeReport::resumed() {
  const bool waits = loading_ > 0 && !first_record_ns_;
  if (from_.empty() || waits) return std::nullopt;
  std::string line = fmt::format("resumed from {}", std::exchange(from_, {}));
  if (bytes_ == 0) return line;
  line += fmt::format(" ({}", size_text(bytes_));
  if (first_record_ns_) line += fmt::format(", first record after {}", time_text(*first_record_ns_ - begin_ns_));
  line += loaded_ns_ ? fmt::format(", loaded after {})", time_text(*loaded_ns_ - begin_ns_)) : ", loading the rest behind)";
  return line;
}

}  // namespace tidemark
