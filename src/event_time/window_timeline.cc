#include "tidemark/detail/event_time/window_timeline.h"

#include <algorithm>

#include "tidemark/detail/base/check.h"

namespace tidemark::detail {
namespace {

// Beyond the end of every window, and far enough from the ends of int64 to add sizes to.
constexpr std::int64_t kBeyondWindows = kFurthestWindowMs + 4 * kLargestWindowMs;

std::int64_t into_grid(std::int64_t offset, std::int64_t step) {
  const std::int64_t rest = offset % step;
  return rest < 0 ? rest + step : rest;
}

}  // namespace

WindowTimeline::WindowTimeline(WindowSpec spec, Duration allowed_lateness)
    : spec_{spec}, allowed_lateness_{allowed_lateness}, slice_ms_{0}, fired_end_{-kBeyondWindows} {
  TIDEMARK_CHECK(!spec.problem(), "the window spec was not validated");
  TIDEMARK_CHECK(allowed_lateness >= Duration{0}, "the allowed lateness was not validated");
  slice_ms_ = spec.slice_ms();
  spec_.offset_ms = into_grid(spec.offset_ms, spec.cumulates ? spec.size_ms : spec.slide_ms);
}

void WindowTimeline::restore(Timestamp watermark) {
  TIDEMARK_CHECK(slices_.empty(), "a timeline is restored before slices are added");
  fired_until(watermark);
}

std::int64_t WindowTimeline::find_slice(std::int64_t t) {
  if (t < -kFurthestWindowMs || t > kFurthestWindowMs) return kOutOfRange;
  const std::int64_t start = floor_to_grid(t, slice_ms_, spec_.offset_ms % slice_ms_);
  if (start >= last_end_of(start)) return kNoWindow;
  last_slice_ = start;
  last_slice_length_ = static_cast<std::uint64_t>(slice_ms_);
  return start;
}

void WindowTimeline::add_slice(std::int64_t slice_start) {
  if (slices_.empty() || slices_.back() < slice_start) {
    slices_.push_back(slice_start);
    return;
  }
  const auto at = std::lower_bound(slices_.begin(), slices_.end(), slice_start);
  if (*at != slice_start) slices_.insert(at, slice_start);
}

std::optional<Window> WindowTimeline::next_due(Timestamp watermark) {
  // Neither the first nor the last window of a slice ends before that of an earlier slice, so the first slice that has a
  // window left to fire has the earliest one.
  const auto slice = std::partition_point(slices_.begin(), slices_.end(),
                                          [&](std::int64_t s) { return last_end_of(s) <= fired_end_; });
  if (slice != slices_.end()) {
    const Window window = window_ending_at(std::max(first_end_of(*slice), first_end_after(fired_end_)));
    if (window.last() <= watermark) {
      fired_end_ = window.end.ms();
      return window;
    }
  }
  fired_until(watermark);
  return std::nullopt;
}

std::int64_t WindowTimeline::first_end_after(std::int64_t t) const {
  if (spec_.cumulates) return ceil_to_grid(t + 1, spec_.slide_ms, spec_.offset_ms % spec_.slide_ms);
  return ceil_to_grid(t + 1 - spec_.size_ms, spec_.slide_ms, spec_.offset_ms) + spec_.size_ms;
}

Window WindowTimeline::window_ending_at(std::int64_t end) const {
  const std::int64_t start = spec_.cumulates ? floor_to_grid(end - 1, spec_.size_ms, spec_.offset_ms) : end - spec_.size_ms;
  return {Timestamp{start}, Timestamp{end}};
}

void WindowTimeline::fired_until(Timestamp watermark) {
  const std::int64_t end = std::clamp(watermark.ms(), -kBeyondWindows, kBeyondWindows) + 1;
  fired_end_ = std::max(fired_end_, end);
}

std::span<const std::int64_t> WindowTimeline::slices_of(Window window) const {
  const auto first = std::lower_bound(slices_.begin(), slices_.end(), window.start.ms());
  const auto end = std::lower_bound(first, slices_.end(), window.end.ms());
  return {first, end};
}

std::vector<Window> WindowTimeline::already_fired_windows_of(std::int64_t slice_start, Timestamp watermark) const {
  std::vector<Window> windows;
  if (allowed_lateness_ == Duration{0}) return windows;
  const std::int64_t last = last_end_of(slice_start);
  for (std::int64_t end = first_end_of(slice_start); end <= last; end += spec_.slide_ms) {
    const Window window = window_ending_at(end);
    if (window.last() > watermark) break;
    if (!is_past(window.end.ms(), watermark)) windows.push_back(window);
  }
  return windows;
}

std::vector<std::int64_t> WindowTimeline::take_expired(Timestamp watermark) {
  const auto end = std::partition_point(slices_.begin(), slices_.end(),
                                        [&](std::int64_t s) { return is_late(s, watermark); });
  if (end == slices_.begin()) return {};
  TIDEMARK_CHECK(last_end_of(*(end - 1)) <= fired_end_, "slices expire after their windows have fired");
  std::vector<std::int64_t> expired(slices_.begin(), end);
  slices_.erase(slices_.begin(), end);
  return expired;
}

}  // namespace tidemark::detail
