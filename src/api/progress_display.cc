#include "api/progress_display.h"

#include <cstdio>

#include "base/log.h"
#include "env/terminal.h"

namespace tidemark {
namespace {

constexpr std::string_view kEraseLine = "\r\033[K";

void write(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stderr); }

}  // namespace

ProgressDisplay::ProgressDisplay() : on_terminal_{stderr_columns() > 0} {
  if (on_terminal_) {
    set_log_sink([this](std::string_view line) { print_above(line); });
  }
}

ProgressDisplay::~ProgressDisplay() {
  if (!on_terminal_) return;
  set_log_sink({});
  if (!drawn_.empty()) write(kEraseLine);
}

std::int64_t ProgressDisplay::period_ns() const { return on_terminal_ ? 500'000'000 : 10'000'000'000; }

void ProgressDisplay::show(const std::string& progress) {
  if (!on_terminal_) return log_info(progress);
  const auto columns = static_cast<std::size_t>(stderr_columns());
  const std::lock_guard lock{mutex_};
  drawn_ = columns > 1 && progress.size() >= columns ? progress.substr(0, columns - 1) : progress;
  write(std::string{kEraseLine} + drawn_);
}

void ProgressDisplay::print_above(std::string_view log_line) {
  const std::lock_guard lock{mutex_};
  write(std::string{kEraseLine}.append(log_line).append("\n").append(drawn_));
}

}  // namespace tidemark
