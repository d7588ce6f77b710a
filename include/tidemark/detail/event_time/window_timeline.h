// Which slices of an operator's event time hold data, and which of its windows are to fire: the calendar of tumbling,
// sliding and cumulative windows with allowed lateness. It knows no keys and no values; who holds those names slices by their
// start.
//
// A round, each time the watermark has moved and before the next record: next_due() until it has no more, firing each
// window from slices_of(); then take_expired(), dropping each slice. A record goes to its slice unless that is late;
// those of its windows that have fired already (already_fired_windows_of()) fire again.
//
// What has fired is one number: every window that ended up to it. So a restored timeline needs the watermark and the
// slices only. Where key groups were restored with different watermarks, restore with the lowest one, and hold records
// and firings of each key group against its own (key_group_watermarks.h).
//
// One owner, no threads.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "tidemark/detail/event_time/window_spec.h"
#include "tidemark/time.h"

namespace tidemark::detail {

class WindowTimeline {
 public:
  /// In place of a slice's start: the timestamp lies so far from 1970 that its windows can't be represented.
  static constexpr std::int64_t kOutOfRange = std::numeric_limits<std::int64_t>::min();
  /// In place of a slice's start: the timestamp lies in the gap between two windows.
  static constexpr std::int64_t kNoWindow = kOutOfRange + 1;

  /// `spec` is valid and `allowed_lateness` not negative.
  WindowTimeline(WindowSpec spec, Duration allowed_lateness);

  /// For an empty timeline: every window that was complete at `watermark` has fired.
  void restore(Timestamp watermark);

  /// Start of the slice that `t` lies in; kOutOfRange or kNoWindow where there is none. Cheap while it is the last
  /// one's.
  std::int64_t slice_start_of(Timestamp t) {
    const std::uint64_t into = static_cast<std::uint64_t>(t.ms()) - static_cast<std::uint64_t>(last_slice_);
    if (into < last_slice_length_) [[likely]] return last_slice_;
    return find_slice(t.ms());
  }

  /// Every window of the slice is past its allowed lateness: its records are too late.
  bool is_late(std::int64_t slice_start, Timestamp watermark) const {
    return is_past(last_end_of(slice_start), watermark);
  }

  /// The slice holds data, and its windows fire when they are complete. Adding it again does nothing.
  void add_slice(std::int64_t slice_start);

  /// Takes the earliest window that is complete at `watermark`, has not fired and has at least one slice. After nullopt
  /// all windows complete at `watermark`, with slices or without, count as fired.
  std::optional<Window> next_due(Timestamp watermark);

  /// The slices added that lie in `window`, ascending. Valid until slices are added or expire.
  std::span<const std::int64_t> slices_of(Window window) const;

  /// The windows of the slice that are complete at `watermark` but not past their allowed lateness, in order of end:
  /// they have fired, and fire again if the slice gets a record now. Empty without allowed lateness.
  std::vector<Window> already_fired_windows_of(std::int64_t slice_start, Timestamp watermark) const;

  /// Forgets the slices that are late at `watermark` and gives them, ascending. Their windows must have fired.
  std::vector<std::int64_t> take_expired(Timestamp watermark);

  /// All slices that hold data, ascending. Valid until slices are added or expire.
  std::span<const std::int64_t> slices() const { return slices_; }
  const WindowSpec& spec() const { return spec_; }
  std::int64_t slice_ms() const { return slice_ms_; }

 private:
  std::int64_t find_slice(std::int64_t t);
  // No two windows of a spec end together, so a window is named by its end.
  std::int64_t first_end_of(std::int64_t slice_start) const {
    if (spec_.cumulates) return slice_start + slice_ms_;
    return ceil_to_grid(slice_start + slice_ms_ - spec_.size_ms, spec_.slide_ms, spec_.offset_ms) + spec_.size_ms;
  }
  std::int64_t last_end_of(std::int64_t slice_start) const {
    return floor_to_grid(slice_start, spec_.cumulates ? spec_.size_ms : spec_.slide_ms, spec_.offset_ms) + spec_.size_ms;
  }
  std::int64_t first_end_after(std::int64_t t) const;
  Window window_ending_at(std::int64_t end) const;
  bool is_past(std::int64_t end, Timestamp watermark) const {
    return Timestamp{end - 1} + allowed_lateness_ <= watermark;
  }
  void fired_until(Timestamp watermark);

  WindowSpec spec_;  // its offset brought into [0, slide), of cumulative windows into [0, size)
  Duration allowed_lateness_;
  std::int64_t slice_ms_;

  std::int64_t last_slice_ = 0;
  std::uint64_t last_slice_length_ = 0;  // 0: no slice looked up yet

  std::vector<std::int64_t> slices_;  // ascending; few, and added mostly at the end
  std::int64_t fired_end_;            // every window that ends up to here has fired
};

}  // namespace tidemark::detail
