// Event times of a batch of records, by what the user gave: one erased call a batch, the user's callable inlined.
#pragma once

#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <type_traits>
#include <utility>

#include "tidemark/detail/model/batch.h"
#include "tidemark/detail/model/operator_name.h"
#include "tidemark/detail/task/failure.h"
#include "tidemark/time.h"

namespace tidemark::detail {

inline std::int64_t event_time_ms(Timestamp time) { return time.ms(); }
template <std::integral Integer>
std::int64_t event_time_ms(Integer ms) {
  return static_cast<std::int64_t>(ms);
}
template <class D>
std::int64_t event_time_ms(std::chrono::sys_time<D> time) {
  return std::chrono::floor<std::chrono::milliseconds>(time).time_since_epoch().count();
}

template <class T>
class EventTimes {
 public:
  virtual ~EventTimes() = default;
  /// Fills `timestamps` and returns the largest. If the user's callable throws, `at` says for which record.
  virtual Timestamp stamp(const T* values, std::int64_t* timestamps, std::uint32_t size, std::uint32_t& at) = 0;
  /// For another subtask.
  virtual std::unique_ptr<EventTimes> clone() const = 0;
};

template <class T, class F>
class EventTimesBy final : public EventTimes<T> {
 public:
  explicit EventTimesBy(F f) : f_{std::move(f)} {}

  Timestamp stamp(const T* values, std::int64_t* timestamps, std::uint32_t size, std::uint32_t& at) override {
    std::int64_t newest = Timestamp::min().ms();
    std::uint32_t i = 0;
    try {
      for (; i < size; ++i) {
        const std::int64_t ms = event_time_ms(std::invoke(f_, values[i]));
        timestamps[i] = ms;
        newest = std::max(newest, ms);
      }
    } catch (...) {
      at = i;
      throw;
    }
    return Timestamp{newest};
  }
  std::unique_ptr<EventTimes<T>> clone() const override { return std::make_unique<EventTimesBy>(f_); }

 private:
  F f_;
};

template <class T, class F>
std::unique_ptr<EventTimes<T>> make_event_times(F f) {
  static_assert(requires(const T& record) { event_time_ms(std::invoke(f, record)); },
                "the event time of a record is a Timestamp, a std::int64_t (milliseconds since 1970 UTC) or a "
                "std::chrono::sys_time");
  return std::make_unique<EventTimesBy<T, F>>(std::move(f));
}

/// Gives the batch's first `size` records their event times, by `event_times`, and returns the newest; without, they have none.
/// `place_of(i)` says in words which record the i-th is.
template <class T, class Place>
Timestamp stamp_batch(EventTimes<T>* event_times, TypedBatch<T>& batch, std::uint32_t size, const OperatorName& op, Place place_of) {
  if (event_times == nullptr) {
    std::fill_n(batch.timestamps(), size, Timestamp::min().ms());
    return Timestamp::min();
  }
  std::uint32_t at = 0;
  try {
    return event_times->stamp(batch.values(), batch.timestamps(), size, at);
  } catch (...) {
    fail_user_code(op, [&] { return "event time of " + place_of(at); });
  }
}

}  // namespace tidemark::detail
