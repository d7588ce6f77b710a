// Windows, by event time or by processing time, and what comes out of them.
//
//   .window(tumbling(10s))                .window(session(30s))
//   .window(sliding(10s, 2s))             .window(session([](const Click& c) { return c.patience; }))
//   .window(cumulative(24h, 1h))          .window(global())
//   .window(tumbling(1min).by_processing_time())
//   .window(calendar_days("Europe/Berlin"))
//
// Windows of your own are a struct that adds those which a record belongs to:
//
//   struct Rounds {
//     void assign(const Move& move, Timestamp, std::vector<Window>& to) const {
//       to.push_back({Timestamp{move.round * 1000}, Timestamp{move.round * 1000 + 1000}});
//     }
//   };
//
// A record's windows must hang on the record and its time alone, end after they start, and be given once each: anything else
// fails the job, and names the record. Where kMerges is a static member that is true, a window becomes one with those that it
// touches, as sessions do; then a record's windows must be apart from one another.
#pragma once

#include <chrono>
#include <concepts>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "tidemark/detail/event_time/aggregate_types.h"
#include "tidemark/detail/event_time/window_spec.h"
#include "tidemark/error.h"
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

/// The records of a window in the order of their arrival, each with its time; of sessions that became one, those of the
/// earlier session first.
template <class T>
using WindowRecords = std::vector<Timed<T>>;

/// Other windows, cut by the wall clock: a record belongs where the clock stands when it comes, so none is late, and what is
/// open at the end of all input gives no result.
template <class Windows>
struct ByProcessingTime : Windows {
  static constexpr bool kByProcessingTime = true;
};

/// Windows that start at multiples of the size (or slide) since 1970 UTC, plus an offset.
struct WindowAssigner {
  detail::WindowSpec spec;

  ByProcessingTime<WindowAssigner> by_processing_time() const { return {*this}; }

  template <class T>
  void assign(const T&, Timestamp at, std::vector<Window>& to) const {
    spec.add_windows_of(at, to);
  }
  std::optional<Error> problem() const;
};

/// One window after the other: each record is in one.
inline WindowAssigner tumbling(Duration size, Duration offset = Duration{0}) {
  return {detail::WindowSpec::tumbling(size.count(), offset.count())};
}

/// A window of `size` starts every `slide`, which is no longer: a record is in about size / slide of them.
inline WindowAssigner sliding(Duration size, Duration slide, Duration offset = Duration{0}) {
  return {detail::WindowSpec::sliding(size.count(), slide.count(), offset.count())};
}

/// Windows of `size`, each with all that came since its start by the end of every `step`: the day so far, hour by hour.
inline WindowAssigner cumulative(Duration size, Duration step, Duration offset = Duration{0}) {
  return {detail::WindowSpec::cumulative(size.count(), step.count(), offset.count())};
}

namespace detail {

struct FixedGap {
  Duration gap;
  template <class T>
  Duration operator()(const T&) const {
    return gap;
  }
};

/// [at, at + gap); throws Error where that is no window.
Window session_from(Timestamp at, Duration gap);

}  // namespace detail

/// A window of records of which each comes no later than the gap behind another one: it ends a gap after its last.
template <class Gap>
struct SessionWindows {
  static constexpr bool kMerges = true;
  Gap gap;

  ByProcessingTime<SessionWindows> by_processing_time() const { return {*this}; }

  template <class T>
  void assign(const T& record, Timestamp at, std::vector<Window>& to) const {
    static_assert(std::is_invocable_r_v<Duration, const Gap&, const T&>,
                  "session() takes a duration, or a callable that gives one for a record: [](const Click& click) { return click.patience; }. Over two "
                  "streams it takes a duration");
    to.push_back(detail::session_from(at, std::invoke(gap, record)));
  }
  std::optional<Error> problem() const {
    if constexpr (std::same_as<Gap, detail::FixedGap>) {
      if (gap.gap <= Duration{0}) return Error{ErrorCode::kInvalidArgument, "session() takes a gap of more than zero"};
    }
    return std::nullopt;
  }
};

/// Sessions with the same gap behind each record.
inline SessionWindows<detail::FixedGap> session(Duration gap) { return {{gap}}; }
/// Sessions with a gap that hangs on the record: gap(record) -> Duration.
template <class Gap>
  requires(!std::convertible_to<Gap, Duration>)
SessionWindows<Gap> session(Gap gap) {
  return {std::move(gap)};
}

/// One window for all that a key ever gets. It completes at the end of all input; before, it gives what its trigger says. A
/// result has the event time of the record, or the time, that made it.
struct GlobalWindows {
  template <class T>
  void assign(const T&, Timestamp, std::vector<Window>& to) const {
    to.push_back({Timestamp::min(), Timestamp::max()});
  }
};
inline GlobalWindows global() { return {}; }

namespace detail {
class TimeZone;
enum class CalendarUnit { kDay, kWeek, kMonth };
}  // namespace detail

/// Days, weeks or months as local clocks show them: a day on which they are set lasts 23 or 25 hours.
class CalendarWindows {
 public:
  CalendarWindows(detail::CalendarUnit unit, std::string zone);

  ByProcessingTime<CalendarWindows> by_processing_time() const { return {*this}; }

  template <class T>
  void assign(const T&, Timestamp at, std::vector<Window>& to) const {
    if (at < last_.start || at >= last_.end) last_ = window_of(at);
    to.push_back(last_);
  }
  std::optional<Error> problem() const { return problem_; }

 private:
  Window window_of(Timestamp at) const;

  detail::CalendarUnit unit_;
  std::shared_ptr<const detail::TimeZone> zone_;
  std::optional<Error> problem_;
  mutable Window last_{Timestamp::max(), Timestamp::min()};  // of the record before: of one thread, as every copy
};

/// Local days of a time zone of the IANA database, such as "Europe/Berlin", which this machine must have.
inline CalendarWindows calendar_days(std::string zone) { return {detail::CalendarUnit::kDay, std::move(zone)}; }
/// Its weeks, from Monday.
inline CalendarWindows calendar_weeks(std::string zone) { return {detail::CalendarUnit::kWeek, std::move(zone)}; }
/// Its months.
inline CalendarWindows calendar_months(std::string zone) { return {detail::CalendarUnit::kMonth, std::move(zone)}; }

namespace detail {

template <class Windows>
consteval bool merges() {
  if constexpr (requires { Windows::kMerges; }) return Windows::kMerges;
  return false;
}
/// Windows that are known to be as check_windows() wants them.
template <class Windows>
inline constexpr bool kMakesProperWindows = false;
template <>
inline constexpr bool kMakesProperWindows<WindowAssigner> = true;
template <class Gap>
inline constexpr bool kMakesProperWindows<SessionWindows<Gap>> = true;
template <>
inline constexpr bool kMakesProperWindows<GlobalWindows> = true;
template <>
inline constexpr bool kMakesProperWindows<CalendarWindows> = true;
template <class Windows>
inline constexpr bool kMakesProperWindows<ByProcessingTime<Windows>> = kMakesProperWindows<Windows>;

/// Throws Error for what a user's windows must not be: one that does not end after it starts, one that is given twice, and of
/// those that merge two that touch, as a record would count twice in what they become.
void check_windows(const std::vector<Window>& of_record, bool merge);

template <class Windows>
consteval bool by_processing_time() {
  if constexpr (requires { Windows::kByProcessingTime; }) return Windows::kByProcessingTime;
  return false;
}

}  // namespace detail
}  // namespace tidemark
