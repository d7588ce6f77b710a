// Records made by a function of their number: the same ones at any parallelism and after any restart.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "tidemark/detail/connectors/argument_checks.h"
#include "tidemark/detail/connectors/generator_source.h"
#include "tidemark/source.h"

namespace tidemark {

template <class T, class F>
class GeneratorSource {
 public:
  using Record = T;

  GeneratorSource(std::optional<std::int64_t> count, F f) : f_{std::move(f)} {
    checks_.require(!count || *count >= 0, "generate<T>(count, f): the count is zero or more, or std::nullopt for a stream without end");
    if (count) options_.count = static_cast<std::uint64_t>(*count);
  }

  /// A member or a callable that gives a Timestamp, a std::int64_t (milliseconds since 1970 UTC) or a sys_time.
  template <class E>
  GeneratorSource& event_time(E e, OutOfOrderness out_of_orderness = {}) {
    event_times_ = detail::make_event_times<T>(std::move(e));
    out_of_orderness_ = out_of_orderness;
    checks_.check(out_of_orderness);
    return *this;
  }

  /// Records a second of all readers together, 0 for as many as they can make. After a pause at most a second's worth comes
  /// at once.
  GeneratorSource& rate(std::int64_t per_second) {
    checks_.require(per_second >= 0, "rate() takes the records a second: zero or more, and zero for as many as can be made");
    options_.per_second = static_cast<std::uint64_t>(per_second);
    return *this;
  }

  /// A reader without records for this long holds no watermark back any more; never, if not given.
  GeneratorSource& idle_after(Duration duration) {
    idle_after_ = duration;
    checks_.check_idle_after(duration);
    return *this;
  }

  operator SourceDescription<T>() const {
    return SourceDescription<T>{std::make_shared<detail::GeneratorSourceImplementation<T, F>>(
                                    options_, f_, event_times_, out_of_orderness_.delay, idle_after_),
                                checks_.problem()};
  }

 private:
  detail::GeneratorOptions options_;
  detail::ArgumentChecks checks_;
  F f_;
  std::shared_ptr<const detail::EventTimes<T>> event_times_;
  OutOfOrderness out_of_orderness_;
  std::optional<Duration> idle_after_;
};

/// `count` records f(0), f(1), ...; std::nullopt for ever more of them. `f` must give the same for the same number.
template <class T, class F>
GeneratorSource<T, F> generate(std::optional<std::int64_t> count, F f) {
  static_assert(std::is_convertible_v<std::invoke_result_t<F&, std::uint64_t>, T>,
                "generate<T>(count, f): f(n) gives the n-th T");
  return {count, std::move(f)};
}

}  // namespace tidemark
