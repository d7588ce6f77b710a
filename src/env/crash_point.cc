#include "env/crash_point.h"

#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace tidemark {
namespace {

std::atomic<long> passes_left{0};

constexpr std::string_view kNames[kCrashPoints] = {
    "checkpoint-triggered", "snapshot-started",  "snapshot-file-written",  "snapshot-acknowledged",
    "sink-prepared",        "metadata-written",  "metadata-durable",       "pointer-moved",
    "completion-notified",  "sink-committing",   "sink-renamed",           "sink-committed",
    "old-metadata-removed", "old-checkpoint-removed", "recovery-started",  "recovery-committed",
};

[[noreturn]] void refuse(const std::string& why) {
  std::fprintf(stderr, "TIDEMARK_CRASH_AT: %s; it takes <name>:<n>, or list for the names\n", why.c_str());
  std::exit(2);
}

}  // namespace

std::string_view to_string(CrashPoint point) noexcept { return kNames[static_cast<int>(point)]; }

void arm_crash_points() {
  const char* value = std::getenv("TIDEMARK_CRASH_AT");
  if (value == nullptr || *value == '\0') return;
  const std::string_view text{value};
  if (text == "list") {
    for (const std::string_view name : kNames) std::printf("%.*s\n", static_cast<int>(name.size()), name.data());
    std::exit(0);
  }
  const std::size_t colon = text.rfind(':');
  const std::string_view name = text.substr(0, colon);
  long passes = 1;
  if (colon != std::string_view::npos) {
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data() + colon + 1, end, passes);
    if (error != std::errc{} || rest != end || passes < 1) refuse("\"" + std::string{text} + "\" has no count behind its colon");
  }
  for (int i = 0; i < kCrashPoints; ++i) {
    if (kNames[i] != name) continue;
    passes_left.store(passes);
    detail::armed_crash_point.store(i);
    return;
  }
  refuse("no moment is called \"" + std::string{name} + "\"");
}

namespace detail {

std::atomic<int> armed_crash_point{-1};

void reach_armed_crash_point() noexcept {
  if (passes_left.fetch_sub(1) == 1) _exit(137);
}

}  // namespace detail
}  // namespace tidemark
