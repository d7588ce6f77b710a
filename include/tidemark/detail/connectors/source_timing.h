// What all sources can be told about time, and the part of their builders that takes it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "tidemark/detail/connectors/argument_checks.h"
#include "tidemark/detail/connectors/event_times.h"
#include "tidemark/detail/task/watermark_group.h"
#include "tidemark/source.h"
#include "tidemark/time.h"

namespace tidemark::detail {

struct SourceTiming {
  Duration out_of_orderness{0};
  std::optional<Duration> idle_after;  ///< without records a split counts as idle; nothing: never
  std::uint64_t per_second = 0;        ///< records of all readers together; 0: as many as come
  std::shared_ptr<WatermarkGroup> group;
};

/// What a builder of a source of T inherits; `Source` is that builder.
template <class Source, class T>
class TimedSource {
 public:
  using Record = T;

  /// A member or a callable that gives a Timestamp, a std::int64_t (milliseconds since 1970 UTC) or a sys_time.
  template <class F>
  Source& event_time(F f, OutOfOrderness out_of_orderness = {}) {
    event_times_ = make_event_times<T>(std::move(f));
    timing_.out_of_orderness = out_of_orderness.delay;
    checks_.check(out_of_orderness);
    return self();
  }

  /// A split without records for this long holds no watermark back any more; never, if not given.
  Source& idle_after(Duration duration) {
    timing_.idle_after = duration;
    checks_.check_idle_after(duration);
    return self();
  }

  /// Records a second of all readers together, 0 for as many as there are. After a pause at most a second's worth comes
  /// at once.
  Source& rate(std::int64_t per_second) {
    checks_.require(per_second >= 0, "rate() takes the records a second: zero or more, and zero for as many as there are");
    timing_.per_second = static_cast<std::uint64_t>(per_second);
    return self();
  }

  /// Keeps the event times of all sources with the same group together. Needs event_time(): a reader without times would
  /// hold the others for ever.
  Source& align(const AlignmentGroup& group) {
    timing_.group = group.group();
    checks_.require(timing_.group->max_drift() >= Duration{0} && timing_.group->update() > Duration{0},
                    "an AlignmentGroup takes how far readers may be ahead, zero or more, and how long one waits before it looks again, more than zero");
    return self();
  }

 protected:
  TimedSource() = default;

  /// With what can only be said when all is known. A source that makes its watermarks itself, or whose records come with a time, needs no
  /// event_time().
  std::optional<Error> problem(bool makes_watermarks = false, bool has_times = false) const {
    ArgumentChecks checks = checks_;
    checks.require(!makes_watermarks || timing_.out_of_orderness == Duration{0},
                   "the source makes its watermarks itself, so out_of_order_by() would do nothing: leave it out");
    checks.require(timing_.group == nullptr || event_times_ != nullptr || makes_watermarks || has_times,
                   "align() needs event_time(): a reader without times would hold the others for ever");
    return checks.problem();
  }

  SourceTiming timing_;
  std::shared_ptr<const EventTimes<T>> event_times_;
  ArgumentChecks checks_;

 private:
  Source& self() { return static_cast<Source&>(*this); }
};

}  // namespace tidemark::detail
