// Result<T>: a value or an Error, for the I/O edges inside the library. Nothing may ignore one.
#pragma once

#include <expected>
#include <utility>

#include "tidemark/error.h"

namespace tidemark {

template <class T = void>
using Result = std::expected<T, Error>;

template <class... Args>
[[nodiscard]] std::unexpected<Error> fail(ErrorCode code, Args&&... args) {
  return std::unexpected<Error>{Error{code, std::forward<Args>(args)...}};
}

/// The value, or throws the Error: for the border to the public API and for tests.
template <class T>
T value_or_throw(Result<T> result) {
  if (!result) throw std::move(result.error());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

}  // namespace tidemark

/// Returns the error of `expression` (a Result) from the function around it, if it has one.
#define TIDEMARK_TRY(expression)                                                 \
  do {                                                                           \
    if (auto tidemark_result_ = (expression); !tidemark_result_) [[unlikely]]    \
      return std::unexpected<::tidemark::Error>{std::move(tidemark_result_.error())}; \
  } while (false)

/// Declares `variable` as the value of `expression`, or returns its error.
#define TIDEMARK_ASSIGN(variable, expression) TIDEMARK_ASSIGN_(variable, expression, TIDEMARK_CONCAT_(tidemark_result_, __LINE__))
#define TIDEMARK_ASSIGN_(variable, expression, result)                                        \
  auto result = (expression);                                                                 \
  if (!result) [[unlikely]] return std::unexpected<::tidemark::Error>{std::move(result.error())}; \
  auto variable = std::move(*result)
#define TIDEMARK_CONCAT_(a, b) TIDEMARK_CONCAT2_(a, b)
#define TIDEMARK_CONCAT2_(a, b) a##b
