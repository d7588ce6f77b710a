// How a check tells that something is wrong: it throws. One thread.
#pragma once

#include <fmt/format.h>

#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace tidemark {

/// What is wrong with the engine, as far as a simulation has found it.
class Wrong final : public std::exception {
 public:
  explicit Wrong(std::string what) : what_{std::move(what)} {}
  const char* what() const noexcept override { return what_.c_str(); }

 private:
  std::string what_;
};

template <class T>
T expect(Result<T> result, std::string_view what) {
  if (!result) throw Wrong{fmt::format("{}: {}", what, result.error().message())};
  return std::move(*result);
}

inline void expect_none(const std::optional<std::string>& wrong, std::string_view when) {
  if (wrong) throw Wrong{fmt::format("{}: {}", when, *wrong)};
}

}  // namespace tidemark
