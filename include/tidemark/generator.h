// Records made by a function of their number: the same ones at any parallelism and after any restart.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "tidemark/detail/connectors/generator_source.h"
#include "tidemark/detail/connectors/source_timing.h"
#include "tidemark/source.h"

namespace tidemark {

/// See detail::TimedSource for what it can be told about time.
template <class T, class F>
class GeneratorSource : public detail::TimedSource<GeneratorSource<T, F>, T> {
 public:
  GeneratorSource(std::optional<std::int64_t> count, F f) : f_{std::move(f)} {
    this->checks_.require(!count || *count >= 0, "generate<T>(count, f): the count is zero or more, or std::nullopt for a stream without end");
    if (count) options_.count = static_cast<std::uint64_t>(*count);
  }

  operator SourceDescription<T>() const {
    detail::GeneratorOptions options = options_;
    options.per_second = this->timing_.per_second;
    return SourceDescription<T>{std::make_shared<detail::GeneratorSourceImplementation<T, F>>(options, f_, this->event_times_, this->timing_),
                                this->problem()};
  }

 private:
  detail::GeneratorOptions options_;
  F f_;
};

/// `count` records f(0), f(1), ...; std::nullopt for ever more of them. `f` must give the same for the same number.
template <class T, class F>
GeneratorSource<T, F> generate(std::optional<std::int64_t> count, F f) {
  static_assert(std::is_convertible_v<std::invoke_result_t<F&, std::uint64_t>, T>,
                "generate<T>(count, f): f(n) gives the n-th T");
  return {count, std::move(f)};
}

}  // namespace tidemark
