// Windows by event time, and what comes out of them.
#pragma once

#include <chrono>

#include "tidemark/detail/event_time/window_spec.h"
#include "tidemark/time.h"

namespace tidemark {

/// A window's result for a key. Its event time is the window's last millisecond.
template <class K, class V>
struct Windowed {
  Timestamp start;  ///< inclusive
  Timestamp end;    ///< exclusive
  K key;
  V value;
};

/// A result of a window over a whole stream.
template <class V>
struct WindowedAll {
  Timestamp start;  ///< inclusive
  Timestamp end;    ///< exclusive
  V value;
};

/// Which windows a record belongs to. Windows start at multiples of the size (or slide) since 1970 UTC, plus the offset.
struct WindowAssigner {
  detail::WindowSpec spec;
};

/// One window after the other: each record is in one.
inline WindowAssigner tumbling(Duration size, Duration offset = Duration{0}) {
  return {detail::WindowSpec::tumbling(size.count(), offset.count())};
}

/// A window of `size` starts every `slide`, which is no longer: a record is in about size / slide of them.
inline WindowAssigner sliding(Duration size, Duration slide, Duration offset = Duration{0}) {
  return {detail::WindowSpec::sliding(size.count(), slide.count(), offset.count())};
}

}  // namespace tidemark
